import Base
import TestSupport
import Testing

/// `git push`, `clone` and `pull` with a bucket as store.
@Suite struct S3CommandTests {
    @Test(.enabled(if: StorageServer.has("weed"), "SeaweedFS is not installed (GITML_SERVERS)"))
    func `from a push to a clone`() throws {
        let box = try Sandbox()
        let server = try StorageServer.seaweed(box)
        try box.makeRepository()
        try box.write(
            "[team]\naws_access_key_id = testkey\naws_secret_access_key = testsecret\n", to: "home/.aws/credentials")
        try box.write(randomBytes(9_000_000, seed: 4), to: "repo/data/big")
        for number in 0..<200 { try box.write("small \(number)\n", to: "repo/data/n\(number)") }
        try server.makeBucket("team-data")
        let push = try box.run(
            """
            git add data && git commit -q -m data && git mldata remote add --shared bucket s3://team-data/nlp &&
            git mldata remote set --shared bucket endpoint \(server.url) && git mldata remote set bucket profile team &&
            git add .mldata && git commit -q -m store && GIT_MLDATA_TRACE="$PWD/../trace" git push -q -u origin main
            """, in: "repo")
        #expect(!push.errors.contains("testsecret"))
        let trace = try box.text("trace")
        #expect(trace.contains("PUT \(server.url)/team-data/nlp/packs/") && !trace.contains("testsecret"))
        #expect(!trace.contains("Signature"))
        // A clone knows the store, not whose keys are used.
        let clone = try box.run(
            """
            git config --global mldata.remote.bucket.profile team && git mldata clone -q repo.git copy && cd copy &&
            cmp data/big ../repo/data/big && cat data/n* | sort | uniq | wc -l
            """)
        #expect(clone.output == "200\n")
        #expect(try box.run("git mldata remote test bucket", in: "copy").output.contains("delete: ok"))
        try box.run("git config --global --unset mldata.remote.bucket.profile")
        let lost = try box.attempt(
            "git mldata remote test bucket", in: "copy", environment: ["AWS_EC2_METADATA_DISABLED": "true"])
        #expect(
            lost.status == 1 && lost.output.contains("missing: credentials") && lost.errors.contains("aws configure"))
    }

    /// A clone may not say who gets a token.
    @Test func `an endpoint from a clone gets no token`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        for url in ["gs://bucket/x", "azure://account/box", "oss://bucket/x", "gdrive://folder"] {
            try box.write(
                "[mldata]\n defaultRemote = r\n[mldata \"remote.r\"]\n url = \(url)\n endpoint = http://127.0.0.1:9\n region = r\n",
                to: "repo/.mldata/config")
            let keys = [
                "OSS_ACCESS_KEY_ID": "k", "OSS_ACCESS_KEY_SECRET": "s",
                "AZURE_STORAGE_KEY": "c2VjcmV0IGtleSBvZiBhIHRlc3Q=",
                "NO_GCE_CHECK": "true",
            ]
            let outcome = try box.attempt("git mldata remote test r", in: "repo", environment: keys)
            #expect(
                outcome.status == 1 && outcome.output.contains("which would get your credentials"), "\(outcome.output)")
            #expect(outcome.errors.contains("if you trust it"))
        }
    }

    /// Git's own settings: a proxy, and how long a line may stand still; and an address of IPv6.
    @Test(.enabled(if: StorageServer.hasRcloneS3, "rclone with 'serve s3' is not installed"))
    func `a proxy, a stalled line, IPv6`() throws {
        let box = try Sandbox()
        let server = try StorageServer.rcloneS3(box)
        try box.makeRepository()
        try box.write("content of a file\n", to: "repo/data/file")
        let script = Sandbox.package + "/Tests/Servers/fault_proxy.py"
        let keys = ["AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret"]
        let proxy = try LFSServer(box, command: "exec python3 '\(script)' '\(server.url)'")
        try box.run(
            """
            git add data && git commit -q -m data && git mldata remote add s3 s3://bucket/a &&
            git mldata remote set s3 endpoint \(server.url)
            """, in: "repo")
        let tested = try box.attempt(
            "git -c http.proxy=\(proxy.url) mldata remote test s3", in: "repo", environment: keys)
        #expect(tested.status == 0, "\(tested.output)\(tested.errors)")
        #expect(try proxy.requests().contains { $0.hasPrefix("PUT \(server.url)/bucket/a/test/") })
        // Half of an answer and then nothing: given up after a second, and brought by the next try.
        let stalls = try LFSServer(box, command: "exec python3 '\(script)' '\(server.url)' stall=20:GET@2")
        let stalled = try box.attempt(
            """
            git mldata remote set s3 endpoint \(stalls.url) &&
            git -c http.lowSpeedLimit=10 -c http.lowSpeedTime=1 mldata remote test s3
            """, in: "repo", environment: keys)
        #expect(stalled.status == 0, "\(stalled.output)\(stalled.errors)")
        #expect(try stalls.requests().contains { $0.hasSuffix(" stall") })
        guard let six = try? StorageServer.rcloneS3(box, address: "[::1]") else { return }
        let reached = try box.attempt(
            "git mldata remote set s3 endpoint \(six.url) && git mldata remote test s3", in: "repo", environment: keys)
        #expect(reached.status == 0, "\(reached.output)\(reached.errors)")
    }
}
