import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// Aliyun's OSS: signatures against the vendor's library, behaviour against a stand-in.
@Suite struct OSSTests {
    private static let python = Sandbox.python(with: "oss2")

    private func settings(_ values: [String: String], _ environment: [String: String] = [:]) -> StorageSettings {
        let keys = ["HOME": "/nowhere", "OSS_ACCESS_KEY_ID": "key", "OSS_ACCESS_KEY_SECRET": "secret"]
        return StorageSettings(values: values, environment: keys.merging(environment) { $1 })
    }

    /// Both come from oss2 2.19.1 with its clock at the given moment.
    @Test func `signatures of the vendor's library`() {
        let signer = SigV4(
            keyID: "LTAI5tExample", secret: "exampleSecret", region: "cn-hangzhou", service: "oss", dialect: .aliyun)
        let time = Timestamp(rfc3339: "2024-03-01T12:30:45Z")!
        func signature(
            _ method: String, _ path: String, _ query: [(String, String)], _ extra: [(name: String, value: String)]
        ) -> String {
            let headers =
                [
                    (name: "x-oss-date", value: time.basicFormat),
                    (name: "x-oss-content-sha256", value: "UNSIGNED-PAYLOAD"),
                ] + extra
            return signer.authorization(
                method: method, path: path, query: SigV4.query(query, dialect: .aliyun), headers: headers,
                payload: "UNSIGNED-PAYLOAD", time: time)
        }
        #expect(
            signature(
                "PUT", "/bucket/a%20b/%C3%BC%2B.txt", [],
                [
                    (name: "Content-Type", value: "text/plain"),
                    (name: "Content-MD5", value: "1B2M2Y8AsgTpgAmY7PhCfg=="),
                    (name: "x-oss-forbid-overwrite", value: "true"),
                ])
                == "OSS4-HMAC-SHA256 Credential=LTAI5tExample/20240301/cn-hangzhou/oss/aliyun_v4_request, Signature=e45121a51a4b49a4dee5eac20be37a58e28c3320dc7f70c938968fed7d15f36e"
        )
        #expect(
            signature("POST", "/bucket/key", [("uploads", ""), ("encoding-type", "url/x y")], [])
                == "OSS4-HMAC-SHA256 Credential=LTAI5tExample/20240301/cn-hangzhou/oss/aliyun_v4_request, Signature=07a0e9595c8a283c74f2296c3df57ef7610c134b545206cc6880b4ae1ae6edcf"
        )
    }

    @Test(.enabled(if: OSSTests.python != nil, "oss2 is not installed (GITML_PYTHON)"))
    func `a stand-in that checks signatures with the vendor's library`() throws {
        let box = try Sandbox()
        let script = Sandbox.package + "/Tests/Servers/oss_server.py"
        let server = try LFSServer(
            box, command: "exec \(OSSTests.python ?? "python3") '\(script)' bucket cn-hangzhou key secret")
        @Sendable func open(
            _ url: String = "oss://bucket/team", _ endpoint: String? = nil, _ environment: [String: String] = [:]
        )
            throws -> S3Storage
        {
            let values = ["endpoint": endpoint ?? server.url, "region": "cn-hangzhou"]
            return try OSSStorage.open(url: url, settings: settings(values, environment), partLength: 5 << 20)
        }
        try Conformance.run(
            open(), box, many: 120, odd: ["packs/a b", "packs/+%25&=;:@~'()!*,$", "packs/ü", "packs/日本"])
        try ConformanceFaults.run(box, server: server.url, checksUploads: true) { try open("oss://bucket/f", $0) }
        func failure(_ url: String = "oss://bucket", _ environment: [String: String] = [:]) throws -> MLError {
            try #require(throws: MLError.self) { try open(url, nil, environment).list("packs/") }
        }
        #expect(try failure("oss://other").code == .notFound)
        #expect(
            try failure("oss://bucket", ["OSS_ACCESS_KEY_SECRET": "x"]).message.contains("secret key does not belong"))
        #expect(try failure("oss://bucket", ["OSS_ACCESS_KEY_ID": "x"]).message.contains("does not know these keys"))
    }

    @Test func `keys and places`() throws {
        let box = try Sandbox()
        func open(_ values: [String: String], _ environment: [String: String] = [:]) throws -> S3Storage {
            try OSSStorage.open(url: "oss://bucket/x", settings: settings(values, environment))
        }
        #expect(try open(["region": "cn-beijing"]).name == "oss://bucket/x")
        #expect(
            try open(["endpoint": "oss-cn-hangzhou-internal.aliyuncs.com"]).name.contains("at https://oss-cn-hangzhou"))
        let nowhere = try #require(throws: MLError.self) { try open(["endpoint": "https://oss.example.com"]) }
        #expect(nowhere.hints.first?.contains("region") == true)
        let nobody = try #require(throws: MLError.self) { try open(["region": "r"], ["OSS_ACCESS_KEY_ID": ""]) }
        #expect(nobody.code == .failed)
        try box.write(
            "[Credentials]\naccessKeyID = id\naccessKeySecret = s\nendpoint = oss-cn-shanghai.aliyuncs.com\n",
            to: ".ossutilconfig")
        let home = ["HOME": box.root, "OSS_ACCESS_KEY_ID": "", "OSS_ACCESS_KEY_SECRET": ""]
        #expect(try open([:], home).name.hasSuffix("at https://oss-cn-shanghai.aliyuncs.com"))
    }
}
