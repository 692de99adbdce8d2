import Base
import GitKit
import Glibc
import Remotes
import TestSupport
import Testing

/// What every driver must do, against a real server each.
@Suite struct DriverTests {
    @Test func `a folder`() throws {
        let box = try Sandbox()
        try Conformance.run(FolderStorage(root: box.root + "/disk"), box, many: 1_500)
    }

    @Test func `the Git remote`() throws {
        let box = try Sandbox()
        try box.run("git init -q --bare r.git && git init -q repo && git -C repo remote add origin ../r.git")
        let storage = GitRemoteStorage(
            remote: "origin", repository: try Repository(discoveringFrom: box.root + "/repo"),
            temporary: box.root + "/passing")
        // A ref's name cannot have everything.
        try Conformance.run(storage, box, many: 3, odd: ["packs/x_y+", "packs/ü"])
    }

    @Test(.enabled(if: Sandbox.has("rclone"), "rclone is not installed")) func rclone() throws {
        let box = try Sandbox()
        try box.write("[disk]\ntype = alias\nremote = \(box.root)/disk\n", to: "rclone.conf")
        setenv("RCLONE_CONFIG", box.root + "/rclone.conf", 1)
        try Conformance.run(
            RcloneStorage(url: "rclone:disk:team/data"), box, many: 3, odd: ["packs/a b", "packs/[x]*{y}", "packs/ü"])
        let unknown = try RcloneStorage(url: "rclone:nobody:x")
        let error = try #require(throws: MLError.self) { try unknown.list("packs/") }
        #expect(error.code == .notFound && error.hints.first?.contains("rclone config") == true)
        for url in ["rclone:x", "rclone:", "rclone:--config=x:y"] {
            #expect(throws: MLError.self) { try RcloneStorage(url: url) }
        }
        #expect(try RcloneStorage(url: "rclone:s3,secret_access_key=abc:bucket").name == "rclone:s3,…")
    }

    @Test(.enabled(if: Sandbox.has("docker-registry"), "docker-registry is not installed"))
    func `a container registry`() throws {
        let box = try Sandbox()
        let server = try Registry(box)
        let storage = try OCIStorage(url: "oci://127.0.0.1:\(server.port)/team/data")
        try Conformance.run(storage, box, many: 120, odd: ["packs/a b", "packs/x_y%2F+", "packs/ü"])
        try ConformanceFaults.run(box, server: "http://127.0.0.1:\(server.port)", checksUploads: true) {
            try OCIStorage(url: "oci://" + $0.dropFirst("http://".count) + "/team/faults")
        }
    }

    @Test(.enabled(if: Sandbox.has("docker-registry"), "docker-registry is not installed"))
    func `a registry's password and token come from where docker keeps them`() throws {
        let box = try Sandbox()
        let server = try Registry(box)
        let script = Sandbox.package + "/Tests/Servers/token_registry.py"
        let gate = try LFSServer(box, command: "exec python3 '\(script)' \(server.port) me 'pass:word'")
        let host = String(gate.url.dropFirst("http://".count))
        try box.run("mkdir docker")
        setenv("DOCKER_CONFIG", box.root + "/docker", 1)
        defer { unsetenv("DOCKER_CONFIG") }
        func list() throws -> [String] { try OCIStorage(url: "oci://\(host)/team/data").list("packs/") }
        let refused = try #require(throws: MLError.self) { try list() }
        #expect(refused.code == .failed && refused.hints.first?.contains("docker login \(host)") == true)
        let auth = Base64.encode(Array("me:pass:word".utf8))
        try box.write("{\"auths\": {\"\(host)\": {\"auth\": \"\(auth)\"}}}", to: "docker/config.json")
        #expect(try list() == [])
        try box.write("x", to: "file")
        try OCIStorage(url: "oci://\(host)/team/data").put([StorageItem(key: "packs/a", file: box.root + "/file")])
        // A helper program.
        try box.write("{\"credsStore\": \"test-\(server.port)\"}", to: "docker/config.json")
        try box.write(
            "#!/bin/sh\nread host; printf '{\"Username\":\"me\",\"Secret\":\"pass:word\"}'\n", to: "bin/helper")
        let old = getenv("PATH").map { String(cString: $0) } ?? ""
        try box.run("chmod +x bin/helper && mv bin/helper bin/docker-credential-test-\(server.port)")
        setenv("PATH", box.root + "/bin:" + old, 1)
        defer { setenv("PATH", old, 1) }
        #expect(try list() == ["packs/a"])
    }

    @Test(.enabled(if: Sandbox.has("openssl"), "openssl is not installed"))
    func `a stand-in for Google Drive`() throws {
        let box = try Sandbox()
        try box.run(
            "openssl genrsa -out key.pem 2048 2>/dev/null && openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null"
        )
        let script = Sandbox.package + "/Tests/Servers/drive_server.py"
        let server = try LFSServer(box, command: "exec python3 '\(script)' folder-1 public.pem")
        let key = try box.text("key.pem")
        let account: JSON = [
            "type": "service_account", "client_email": "bot@example.com", "private_key": .string(key),
        ]
        func open(_ credentials: JSON, _ folder: String = "folder-1") throws -> GoogleDriveStorage {
            try box.write(credentials.compact(), to: "account.json")
            let values = ["endpoint": server.url, "credentialFile": box.root + "/account.json"]
            return try GoogleDriveStorage(url: "gdrive://" + folder, settings: StorageSettings(values: values))
        }
        try Conformance.run(open(account), box, many: 60, odd: ["packs/a b", "packs/it's \\ odd", "packs/ü"])
        let user: JSON = [
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "fresh",
        ]
        #expect(try open(user).list("packs/") == [])
        let stale: JSON = ["type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "old"]
        #expect(try #require(throws: MLError.self) { try open(stale).list("packs/") }.code == .failed)
        #expect(try #require(throws: MLError.self) { try open(user, "other").list("packs/") }.code == .notFound)
        #expect(throws: MLError.self) { try open(user, "a/b") }
    }

    /// Where Hadoop's jars are (`Tests/Servers/hdfs.sh`).
    static let hadoop = getenv("GITML_HADOOP").map { String(cString: $0) }

    @Test(.enabled(if: DriverTests.hadoop != nil, "GITML_HADOOP is not set")) func `a NameNode and a DataNode`() throws
    {
        let box = try Sandbox()
        let script = Sandbox.package + "/Tests/Servers/hdfs.sh"
        try box.run("mkdir dfs")
        let server = try LFSServer(
            box, command: "cd dfs && exec sh '\(script)' '\(DriverTests.hadoop ?? "")'", patience: 120)
        let place = "webhdfs://" + server.url.dropFirst("http://".count)
        try Conformance.run(
            WebHDFSStorage(url: place + "/ml/data"), box, many: 20, odd: ["packs/a b", "packs/x_y+&=", "packs/ü"])
        let other = try WebHDFSStorage(url: place + "/ml/data", settings: StorageSettings(values: ["user": "nobody"]))
        let refused = try #require(throws: MLError.self) {
            try other.put([StorageItem(key: "packs/z", file: "/etc/hostname")])
        }
        #expect(refused.code == .failed && refused.description.contains("Permission denied"))
    }

    @Test(arguments: [
        ("webhdfs://nn:50070/a/b/", "http://nn:50070", "/a/b"), ("webhdfs://me@nn/a", "http://nn:9870", "/a"),
        ("swebhdfs://nn/a", "https://nn:9871", "/a"), ("hdfs://nn:8020/a", "http://nn:9870", "/a"),
        ("hdfs://nn/a", "http://nn:9870", "/a"), ("hdfs://nn:9871/a", "http://nn:9871", "/a"),
    ])
    func `addresses in HDFS`(url: String, server: String, path: String) throws {
        let address = try WebHDFSAddress(url)
        #expect(address.server == server && address.path == path)
        #expect(throws: MLError.self) { try WebHDFSAddress("webhdfs://me:secret@nn/a") }
        #expect(throws: MLError.self) { try WebHDFSAddress("webhdfs://nn/") }
        #expect(try WebHDFSAddress(url, endpoint: "https://gate:14000/").server == "https://gate:14000")
    }
}

/// Debian's docker-registry on the loopback.
private final class Registry {
    let port: Int
    private let process: String
    private let box: Sandbox

    init(_ box: Sandbox) throws {
        self.box = box
        port = Ports.free()
        try box.write(
            """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(box.root)/registry}, delete: {enabled: true}}
            http: {addr: 127.0.0.1:\(port)}
            """, to: "registry.yml")
        process = try box.run("docker-registry serve registry.yml >registry.log 2>&1 & echo $!").output
        for _ in 0..<600 {
            if try box.attempt("curl -s -f -o /dev/null -m 2 http://127.0.0.1:\(port)/v2/").status == 0 { return }
            usleep(50_000)
        }
        throw MLError(.failed, "docker-registry did not start: \((try? box.text("registry.log")) ?? "")")
    }

    deinit { _ = try? box.attempt("kill \(process)") }
}

extension Sandbox {
    /// Whether a program is on PATH.
    static func has(_ program: String) -> Bool {
        (try? Subprocess(["/bin/sh", "-c", "command -v \(program)"]).run().status) == 0
    }
}
