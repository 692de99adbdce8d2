import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// S3 against servers that others wrote.
@Suite struct S3Tests {
    private static func settings(
        _ server: StorageServer, key: String = "testkey", secret: String = "testsecret",
        _ values: [String: String] = [:]
    ) -> StorageSettings {
        StorageSettings(
            values: ["endpoint": server.url].merging(values) { $1 },
            environment: ["HOME": "/nowhere", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret])
    }

    @Test(.enabled(if: StorageServer.has("weed"), "SeaweedFS is not installed (GITML_SERVERS)"))
    func `SeaweedFS`() throws {
        let box = try Sandbox()
        let server = try StorageServer.seaweed(box)
        let settings = S3Tests.settings(server)
        try server.makeBucket("bucket")
        let odd = ["packs/a b", "packs/+%25&=;:@~'()!*,$", "packs/ü", "packs/e\u{301}", "packs/日本"]
        try Conformance.run(
            S3Storage(url: "s3://bucket/team/data", settings: settings, partLength: 5 << 20), box, many: 1_100, odd: odd
        )
        try Conformance.run(S3Storage(url: "s3://bucket", settings: settings), box, many: 3, odd: odd)
        try refusals(box, server, settings)
        try uploadGoesOn(box, settings)
        try ConformanceFaults.run(box, server: server.url, checksUploads: true) { url in
            try S3Storage(url: "s3://bucket/f", settings: S3Tests.settings(server, ["endpoint": url]))
        }
    }

    private func refusals(_ box: Sandbox, _ server: StorageServer, _ settings: StorageSettings) throws {
        func failure(_ url: String, _ settings: StorageSettings) throws -> MLError {
            let storage = try S3Storage(url: url, settings: settings)
            let put = try #require(throws: MLError.self) {
                try storage.put([StorageItem(key: "packs/x", file: "/etc/hostname")])
            }
            #expect(!"\(put)\(put.hints)".contains("nonsense"))
            return put
        }
        let wrong = try failure("s3://bucket", S3Tests.settings(server, secret: "secret-nonsense"))
        #expect(wrong.code == .failed && wrong.message.contains("the secret key does not belong"))
        #expect(wrong.hints.first?.contains("the environment") == true)
        let unknown = try failure("s3://bucket", S3Tests.settings(server, key: "nobody"))
        #expect(unknown.code == .failed && unknown.message.contains("does not know these keys"))
        let reader = try failure("s3://bucket", S3Tests.settings(server, key: "rokey", secret: "rosecret"))
        #expect(reader.code == .failed && reader.message.hasPrefix("access denied"))
        // This server makes a bucket for whoever may write; asking for a list does not.
        let nowhere = try #require(throws: MLError.self) {
            try S3Storage(url: "s3://no-such-bucket", settings: settings).list("packs/")
        }
        #expect(nowhere.code == .notFound && nowhere.message.hasPrefix("bucket 'no-such-bucket' does not exist"))
        let anonymous = try failure("s3://bucket", S3Tests.settings(server, ["anonymous": "true"]))
        #expect(anonymous.code == .failed)
    }

    /// Some parts of an upload are there, one of them with other bytes: only what is missing is sent.
    private func uploadGoesOn(_ box: Sandbox, _ settings: StorageSettings) throws {
        let content = randomBytes(16 << 20, seed: 7)
        try box.write(content, to: "large")
        let client = try S3Client(url: "s3://bucket", settings: settings)
        let begun = try client.send("POST", "packs/large", query: [("uploads", "")])
        let id = try #require(try XMLElement(parsing: begun.body)["UploadId"]?.text)
        for (number, bytes) in [(1, Array(content[..<(5 << 20)])), (2, randomBytes(5 << 20, seed: 8))] {
            let answer = try client.send(
                "PUT", "packs/large", query: [("partNumber", "\(number)"), ("uploadId", id)], body: .bytes(bytes))
            #expect(answer.status == 200)
        }
        let lines = Lines()
        Trace.begin { lines.add($0) }
        let storage = try S3Storage(url: "s3://bucket", settings: settings, partLength: 5 << 20)
        try storage.put([StorageItem(key: "packs/large", file: box.root + "/large")])
        Trace.begin { _ in }
        #expect(try ObjectID.of(storage.get("packs/large", range: nil)) == ObjectID.of(content))
        #expect(lines.all.contains { $0.contains("part 1 of 'packs/large' is there") })
        #expect(!lines.all.contains { $0.contains("part 2 of 'packs/large' is there") })
        #expect(
            lines.all.contains { $0.contains("PUT ") }
                && !lines.all.contains { $0.contains("testsecret") || $0.contains("Signature") })
        #expect(try client.send("GET", nil, query: [("uploads", "")]).body.count < 700)
    }

    @Test(.enabled(if: StorageServer.hasRcloneS3, "rclone with 'serve s3' is not installed (GITML_SERVERS)"))
    func `rclone as S3 server`() throws {
        let box = try Sandbox()
        let server = try StorageServer.rcloneS3(box)
        try Conformance.run(
            S3Storage(url: "s3://bucket/team", settings: S3Tests.settings(server), partLength: 5 << 20), box,
            many: 60)
        let nowhere = try #require(throws: MLError.self) {
            try S3Storage(url: "s3://no-such-bucket", settings: S3Tests.settings(server)).put([
                StorageItem(key: "packs/x", file: "/etc/hostname")
            ])
        }
        #expect(nowhere.code == .notFound)
    }
}

extension S3Tests {
    @Test func `region, clock and session are put right by themselves`() throws {
        let box = try Sandbox()
        let server = try LFSServer(box, command: "exec python3 '\(Sandbox.package)/Tests/Servers/s3_moods.py'")
        let environment = ["HOME": "/nowhere", "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container"]
        let storage = try S3Storage(
            url: "s3://bucket/x",
            settings: StorageSettings(values: ["endpoint": server.url], environment: environment))
        #expect(try storage.list("packs/") == [])
        let seen = try server.requests().map { $0.split(separator: " ").last.map(String.init) ?? "" }
        #expect(seen == ["200", "400", "403", "400", "200", "200"])
        // What was learnt stays.
        #expect(try storage.list("packs/") == [] && server.requests().count == 7)
        let fixed = StorageSettings(
            values: ["endpoint": server.url, "region": "eu-west-1"],
            environment: ["AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "gone"])
        let expired = try #require(throws: MLError.self) {
            try S3Storage(url: "s3://bucket/x", settings: fixed).list("packs/")
        }
        #expect(expired.code == .failed && expired.message.contains("the session has expired"))
    }
}

/// Lines from several threads.
final class Lines: @unchecked Sendable {
    private let mutex = Mutex()
    private var lines: [String] = []
    func add(_ line: String) { mutex.withLock { lines.append(line) } }
    var all: [String] { mutex.withLock { lines } }
}
