import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// Google Cloud Storage against two emulators that others wrote and, for what they do not check, a stand-in.
@Suite struct GCSTests {
    private let odd = ["packs/a b", "packs/+%25&=;:@~'()!*,$", "packs/ü", "packs/日本"]

    private func settings(_ endpoint: String, _ values: [String: String] = [:]) -> StorageSettings {
        StorageSettings(
            values: ["endpoint": endpoint].merging(values) { $1 },
            environment: ["HOME": "/nowhere", "NO_GCE_CHECK": "true"])
    }

    @Test(.enabled(if: StorageServer.has("fake-gcs-server"), "fake-gcs-server is not installed (GITML_SERVERS)"))
    func `fake-gcs-server`() throws {
        let box = try Sandbox()
        let server = try StorageServer.fakeGCS(box)
        let open = { @Sendable (url: String) in
            try GCSStorage(url: "gs://bucket/team", settings: settings(url, ["anonymous": "true"]))
        }
        try Conformance.run(open(server.url), box, many: 1_100, odd: odd)
        try ConformanceFaults.run(box, server: server.url, upload: "POST", checksUploads: true, open)
    }

    @Test(.enabled(if: Sandbox.has("openssl"), "openssl is not installed"))
    func `a stand-in that checks tokens, conditions and checksums`() throws {
        let box = try Sandbox()
        try box.run(
            "openssl genrsa -out key.pem 2048 2>/dev/null && openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null"
        )
        let script = Sandbox.package + "/Tests/Servers/gcs_server.py"
        let server = try LFSServer(box, command: "exec python3 '\(script)' bucket public.pem")
        func open(_ credentials: JSON, _ url: String = "gs://bucket/a/b") throws -> GCSStorage {
            try box.write(credentials.compact(), to: "account.json")
            return try GCSStorage(
                url: url, settings: settings(server.url, ["credentialFile": box.root + "/account.json"]))
        }
        let account: JSON = [
            "type": "service_account", "client_email": "bot@example.com",
            "private_key": .string(try box.text("key.pem")),
            "token_uri": .string(server.url + "/token"),
        ]
        try Conformance.run(open(account), box, many: 120, odd: odd, sizes: [0, 1, 70_000, 8 << 20, 20_000_000])
        #expect(try server.requests().contains { $0.hasSuffix("503") })
        let user: JSON = [
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "fresh",
            "token_uri": .string(server.url + "/token"),
        ]
        let storage = try open(user)
        try box.write("content", to: "item")
        try storage.put([StorageItem(key: "packs/damaged", file: box.root + "/item")])
        #expect(try #require(throws: MLError.self) { try storage.get("packs/damaged", range: nil) }.code == .corrupt)
        let nowhere = try #require(throws: MLError.self) { try open(user, "gs://other").list("packs/") }
        #expect(nowhere.code == .notFound && nowhere.message == "bucket 'other' does not exist")
        let stranger: JSON = [
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "old",
            "token_uri": .string(server.url + "/token"),
        ]
        #expect(try #require(throws: MLError.self) { try open(stranger).list("packs/") }.code == .failed)
        // The machine's own account.
        let host = String(server.url.dropFirst("http://".count))
        let machine = try GCSStorage(
            url: "gs://bucket/a/b",
            settings: StorageSettings(
                values: ["endpoint": server.url], environment: ["HOME": "/nowhere", "GCE_METADATA_HOST": host]))
        #expect(try machine.list("packs/") == ["packs/damaged"])
        let none = try GCSStorage(url: "gs://bucket/a", settings: settings(server.url))
        let error = try #require(throws: MLError.self) { try none.list("packs/") }
        #expect(error.message == "there are no credentials for Google" && error.hints.count == 2)
        for bad in ["gs://", "gs:///a", "gs://a b", "gs://bucket/../x"] {
            #expect(throws: MLError.self) { try GCSStorage(url: bad, settings: settings(server.url)) }
        }
    }
}
