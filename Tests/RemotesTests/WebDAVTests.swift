import Base
import GitKit
import Glibc
import ObjectStore
import Remotes
import TestSupport
import Testing

/// HTTP and WebDAV against nginx with its own certificate, and rclone.
@Suite struct WebDAVTests {
    @Test(.enabled(if: NginxServer.isInstalled, "nginx with dav-ext, or openssl, is not installed"))
    func `nginx over TLS`() throws {
        let box = try Sandbox()
        let server = try NginxServer(box)
        try box.run("git init -q repo")
        func open(_ path: String, _ values: [String: String] = [:]) throws -> HTTPStorage {
            let own = ["caFile": box.root + "/ca.pem"].merging(values) { $1 }
            return try HTTPStorage(
                url: server.url + path,
                settings: StorageSettings(git: GitCommand(directory: box.root + "/repo"), values: own))
        }
        try Conformance.run(
            open("/dav/team"), box, many: 60, odd: ["packs/a b", "packs/+%25&=;@'()!$", "packs/ü", "packs/日本"])
        // Without the authority's certificate, and without a name and a password.
        let unknown = try #require(throws: MLError.self) {
            try open("/dav/team", ["caFile": "/etc/hostname"]).list("packs/")
        }
        #expect(unknown.code == .io, "\(unknown)")
        let nobody = try #require(throws: MLError.self) { try open("/private").list("packs/") }
        #expect(nobody.code == .failed && nobody.hints.first?.contains(".netrc") == true)
        try box.run("git config credential.helper '!f() { echo username=me; echo password=pass; }; f'", in: "repo")
        #expect(try open("/private").list("packs/") == [])
        // A client certificate.
        #expect(throws: MLError.self) { try open("/certified").list("packs/") }
        let own = ["clientCertificate": box.root + "/client.pem", "clientKey": box.root + "/client.key"]
        #expect(try open("/certified", own).list("packs/") == [])
        // Without WebDAV a folder's page does for reading.
        try box.write("content", to: "www/plain/packs/a b.idx")
        let plain = try open("/plain")
        #expect(try plain.list("packs/") == ["packs/a b.idx"])
        #expect(try plain.get("packs/a b.idx", range: 1..<3) == Array("on".utf8))
        #expect(
            try #require(throws: MLError.self) { try plain.put([StorageItem(key: "packs/x", file: "/etc/hostname")]) }
                .code == .failed)
        #expect(try box.text("nginx-access.log").contains("HTTP/2.0"))
    }

    @Test(.enabled(if: StorageServer.has("rclone"), "rclone is not installed")) func `rclone serve webdav`() throws {
        let box = try Sandbox()
        let server = try StorageServer.rcloneDAV(box)
        try Conformance.run(HTTPStorage(url: server.url + "/team/data"), box, many: 30)
        try ConformanceFaults.run(box, server: server.url, checksUploads: false, checksDownloads: false) {
            try HTTPStorage(url: $0 + "/f")
        }
        // What an upload left that was killed goes after a day.
        try box.run(
            "mkdir -p dav-data/l/packs && cd dav-data/l/packs && touch .tmp-young a && touch -d '2 days ago' .tmp-old b"
        )
        try HTTPStorage(url: server.url + "/l").put([StorageItem(key: "packs/c", file: "/etc/hostname")])
        #expect(try box.run("ls -A dav-data/l/packs").output == ".tmp-young\na\nb\nc\n")
    }

    @Test(.enabled(if: StorageServer.has("rclone") && GitServer.isInstalled, "rclone or lighttpd is not installed"))
    func `a server that wants Digest`() throws {
        let box = try Sandbox()
        let inner = try StorageServer.rcloneDAV(box)
        let port = Ports.free()
        try box.run(
            "git init -q repo && printf 'me:test:%s\n' \"$(printf me:test:p:ss | md5sum | cut -c-32)\" > htdigest")
        try box.write(
            """
            server.document-root = "\(box.root)"
            server.port = \(port)
            server.bind = "127.0.0.1"
            server.modules = ( "mod_auth", "mod_authn_file", "mod_proxy" )
            server.upload-dirs = ( "\(box.root)" )
            auth.backend = "htdigest"
            auth.backend.htdigest.userfile = "\(box.root)/htdigest"
            auth.require = ( "" => ( "method" => "digest", "realm" => "test", "require" => "valid-user" ) )
            proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => \(inner.url.split(separator: ":").last ?? "") ) ) )

            """, to: "digest.conf")
        let server = try StorageServer(
            box, "lighttpd", port: port, ready: "/", command: "exec /usr/sbin/lighttpd -D -f digest.conf")
        func open() throws -> HTTPStorage {
            try HTTPStorage(
                url: server.url + "/team", settings: StorageSettings(git: GitCommand(directory: box.root + "/repo")))
        }
        try box.run("git config credential.helper '!f() { echo username=me; echo password=wrong; }; f'", in: "repo")
        #expect(try #require(throws: MLError.self) { try open().list("packs/") }.code == .failed)
        try box.run("git config credential.helper '!f() { echo username=me; echo password=p:ss; }; f'", in: "repo")
        try Conformance.run(open(), box, many: 3, sizes: [0, 1, 70_000, 3_000_000])
    }

    @Test(.enabled(if: StorageServer.has("rclone"), "rclone is not installed"))
    func `bytes that change on their way are fetched again and never get in`() throws {
        let box = try Sandbox()
        let server = try StorageServer.rcloneDAV(box)
        let one = try ObjectStore(root: box.root + "/one")
        let writer = try one.makeWriter()
        let content = randomBytes(700_000, seed: 1)
        let file = try writer.add(content).pointer
        try writer.finish()
        func remote(_ url: String, _ cache: String) throws -> PackRemote {
            PackRemote(try HTTPStorage(url: url + "/p"), cache: box.root + "/" + cache, sizeLimit: nil)
        }
        let first = try remote(server.url, "c1")
        _ = try first.push([file], from: one, temporary: box.root + "/t", progress: SilentProgress())
        for (number, fault) in ["corrupt=90:GET@2", "corrupt=90:GET@2x*"].enumerated() {
            let script = Sandbox.package + "/Tests/Servers/fault_proxy.py"
            let proxy = try LFSServer(box, command: "exec python3 '\(script)' '\(server.url)' '\(fault)'")
            let store = try ObjectStore(root: box.root + "/two\(number)")
            let reader = try remote(proxy.url, "d\(number)")
            if number == 0 {
                #expect(try reader.fetch([file], into: store, progress: SilentProgress()).missing == [])
                #expect(try store.read(file.oid) == content)
            } else {
                let error = try #require(throws: MLError.self) {
                    try reader.fetch([file], into: store, progress: SilentProgress())
                }
                #expect(error.code == .corrupt)
                #expect(try !store.contains(file.oid))
            }
            #expect(try proxy.requests().contains { $0.hasSuffix(" corrupt") })
        }
    }

    /// Nothing that proves who asks goes along to another host.
    @Test func `a redirect carries no credentials`() throws {
        let box = try Sandbox()
        let script = Sandbox.package + "/Tests/Servers/redirect_server.py"
        let other = try LFSServer(box, command: "exec python3 '\(script)'")
        let first = try LFSServer(box, command: "exec python3 '\(script)' \(other.url)")
        for code in [301, 302, 303, 307, 308] {
            var request = HTTPRequest(method: "GET", url: "\(first.url)/\(code)")
            request.headers = [
                "Authorization: Bearer abc", "x-amz-security-token: abc", "Cookie: abc", "Range: bytes=0-4",
            ]
            guard case .answer(let answer) = try request.perform() else { throw MLError(.failed, "no answer") }
            let seen = String(decoding: answer.body, as: UTF8.self)
            #expect(answer.status == 200 && seen.contains("range") && !seen.contains("abc"), "\(code): \(seen)")
        }
        // The same host sees them again.
        var request = HTTPRequest(method: "GET", url: "\(first.url)/302/self")
        request.headers = ["Authorization: Bearer abc"]
        guard case .answer(let answer) = try request.perform() else { throw MLError(.failed, "no answer") }
        #expect(String(decoding: answer.body, as: UTF8.self).contains("abc"))
        var endless = HTTPRequest(method: "GET", url: "\(first.url)/302/endless")
        endless.followsRedirects = true
        #expect(throws: MLError.self) { try endless.perform() }
    }
}
