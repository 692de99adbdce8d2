import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// Azure's Blob service: signatures against the vendor's library, behaviour against a stand-in.
@Suite struct AzureTests {
    private static let python = Sandbox.python(with: "azure.storage.blob")
    private static let key = "c2VjcmV0IGtleSBvZiBhIHRlc3QgYWNjb3VudA=="

    /// Both come from azure-storage-blob 12.31.1 (`SharedKeyCredentialPolicy`).
    @Test func `signatures of the vendor's library`() {
        let signer = AzureSignature(account: "acct", key: Base64.decode(AzureTests.key)!)
        let date = (name: "x-ms-date", value: "Fri, 01 Mar 2024 12:30:45 GMT")
        let version = (name: "x-ms-version", value: "2021-08-06")
        #expect(
            signer.authorization(
                method: "PUT", path: "/box/a%20b/%C3%BC%2B.txt", query: [],
                headers: [
                    date, version, (name: "x-ms-blob-type", value: "BlockBlob"), (name: "If-None-Match", value: "*"),
                    (name: "Content-Type", value: "text/plain"),
                    (name: "Content-MD5", value: "1B2M2Y8AsgTpgAmY7PhCfg=="),
                ], length: 17) == "SharedKey acct:pHbVuA/2uBQoQGHL/jpsYTOCnaRR9JAISpRtdj1XVpg=")
        #expect(
            signer.authorization(
                method: "GET", path: "/box", query: [("restype", "container"), ("comp", "list"), ("prefix", "a/ü b")],
                headers: [date, version], length: 0) == "SharedKey acct:DOGYb98rbZ8iSGu+E4Wjc7x7JJW4vumCz/UHow555xo=")
    }

    @Test(.enabled(if: AzureTests.python != nil, "azure-storage-blob is not installed (GITML_PYTHON)"))
    func `a stand-in that checks signatures with the vendor's library`() throws {
        let box = try Sandbox()
        let script = Sandbox.package + "/Tests/Servers/azure_server.py"
        let server = try LFSServer(
            box, command: "exec \(AzureTests.python ?? "python3") '\(script)' acct box \(AzureTests.key)")
        @Sendable func open(
            _ url: String, _ environment: [String: String] = ["AZURE_STORAGE_KEY": AzureTests.key],
            at place: String? = nil
        ) throws -> AzureStorage {
            let settings = StorageSettings(
                values: ["endpoint": (place ?? server.url) + "/acct"],
                environment: ["HOME": "/nowhere"].merging(environment) { $1 })
            return try AzureStorage(url: url, settings: settings, blockLength: 5 << 20)
        }
        try Conformance.run(
            open("azure://acct/box/team"), box, many: 120,
            odd: ["packs/a b", "packs/+%25&=;:@~'()!*,$", "packs/ü", "packs/日本"])
        try ConformanceFaults.run(box, server: server.url, checksUploads: true) {
            try open("azure://acct/box/f", at: $0)
        }
        let sas = try box.text("sas")
        try Conformance.run(
            open("azure://acct/box/s", ["AZURE_STORAGE_SAS_TOKEN": String(sas.dropLast())]), box, many: 3)
        let principal = ["AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "id", "AZURE_AUTHORITY_HOST": server.url]
        func tokened(_ secret: String) throws -> AzureStorage {
            try open("azure://acct/box/t", principal.merging(["AZURE_CLIENT_SECRET": secret]) { $1 })
        }
        #expect(try tokened("secret").list("packs/") == [])
        #expect(try #require(throws: MLError.self) { try tokened("x").list("packs/") }.message.contains("wrong secret"))
        let identity = ["IDENTITY_ENDPOINT": server.url + "/identity", "IDENTITY_HEADER": "proof"]
        #expect(try open("azure://acct/box/t", identity).list("packs/") == [])
        let nowhere = try #require(throws: MLError.self) { try open("azure://acct/other").list("packs/") }
        #expect(nowhere.code == .notFound && nowhere.message == "container 'other' does not exist in account 'acct'")
        let wrong = try #require(throws: MLError.self) {
            try open("azure://acct/box", ["AZURE_STORAGE_KEY": Base64.encode(Array("another key, quite".utf8))]).list(
                "packs/")
        }
        #expect(wrong.code == .failed && wrong.message.hasPrefix("cannot talk to") && !wrong.hints.isEmpty)
        try uploadGoesOn(box, server) { try open("azure://acct/box/u", at: $0) }
    }

    /// Blocks that an earlier try left are not sent again.
    private func uploadGoesOn(_ box: Sandbox, _ server: LFSServer, _ open: (String?) throws -> AzureStorage) throws {
        let content = randomBytes(16 << 20, seed: 3)
        try box.write(content, to: "large")
        let item = StorageItem(key: "packs/large", file: box.root + "/large")
        let proxy = try LFSServer(
            box,
            command:
                "exec python3 '\(Sandbox.package)/Tests/Servers/fault_proxy.py' '\(server.url)' 'status=403:PUT@4x*'")
        #expect(throws: MLError.self) { try open(proxy.url).put([item]) }
        func blocks() throws -> Int {
            try server.requests().filter { $0.contains("comp=block ") && $0.hasPrefix("PUT /acct/box/u/") }.count
        }
        #expect(try blocks() == 3)
        let storage = try open(nil)
        try storage.put([item])
        #expect(try blocks() == 4)
        #expect(try ObjectID.of(storage.get("packs/large", range: nil)) == ObjectID.of(content))
    }

    @Test func `keys and places`() throws {
        let box = try Sandbox()
        func account(_ environment: [String: String], _ values: [String: String] = [:]) throws -> AzureAccount {
            try AzureAccount(
                "acct",
                settings: StorageSettings(values: values, environment: ["HOME": box.root].merging(environment) { $1 }))
        }
        let text =
            "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=\(AzureTests.key);EndpointSuffix=core.chinacloudapi.cn"
        let connected = try account(["AZURE_STORAGE_CONNECTION_STRING": text])
        #expect(connected.endpoint == "https://acct.blob.core.chinacloudapi.cn")
        guard case .key(let key) = connected.proof else { throw MLError(.failed, "no key") }
        #expect(Base64.encode(key) == AzureTests.key)
        let other = try #require(throws: MLError.self) {
            try account(["AZURE_STORAGE_CONNECTION_STRING": text.replacing("=acct", with: "=other")])
        }
        #expect(other.code == .conflict && !other.message.contains(AzureTests.key))
        try box.write("?sv=2021&sig=abc\n", to: "sas")
        guard case .signature("sv=2021&sig=abc") = try account([:], ["credentialFile": box.root + "/sas"]).proof else {
            throw MLError(.failed, "no signature")
        }
        try box.write("[storage]\naccount = acct\nkey = \(AzureTests.key)\n", to: ".azure/config")
        #expect(try account([:]).source.hasSuffix("/.azure/config'"))
        // Keys of another account are not for this one.
        #expect(
            try account(["AZURE_STORAGE_ACCOUNT": "other", "AZURE_STORAGE_KEY": "x"]).source.hasSuffix(
                "/.azure/config'"))
        #expect(throws: MLError.self) { try account(["AZURE_STORAGE_KEY": "?!"]) }
        for bad in ["azure://", "azure://acct", "azure://acct/", "azure://a b/box", "azure://acct/box/../x"] {
            #expect(throws: MLError.self) { try AzureStorage(url: bad) }
        }
    }
}
