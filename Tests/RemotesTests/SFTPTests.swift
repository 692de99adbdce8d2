import Base
import Glibc
import ObjectStore
import Remotes
import TestSupport
import Testing

@Suite(.enabled(if: SSHServer.isInstalled, "sshd is not installed")) struct SFTPTests {
    /// A storage over a command of one's own instead of plain ssh.
    private func storage(
        _ box: Sandbox, _ server: SSHServer, _ command: String? = nil, patience: Double = 120
    ) throws -> SFTPStorage {
        try box.run("git init -q repo; git -C repo config core.sshCommand '\(command ?? server.command)'")
        let address = try #require(try SSHAddress(server.url(box.root + "/store/deep")))
        return SFTPStorage(address, git: .init(directory: box.root + "/repo"), patience: patience)
    }

    @Test func `a folder behind sshd keeps all verbs`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        let storage = try storage(box, server)
        let steps = try RemoteProbe.run(storage, temporary: box.root + "/tmp")
        #expect(steps.count == 7 && steps.allSatisfy { $0.failure == nil }, "\(steps)")
        #expect(throws: MLError.self) { try storage.get("../../ssh/id", range: nil) }
        #expect(try storage.size(of: "absent") == nil)
        #expect(try storage.list("nothing/") == [])
        #expect(throws: MLError.self) { try storage.get("absent", range: nil) }
        try storage.delete("absent")
    }

    @Test func `sizes and ranges are exact, from nothing to more than a window of requests`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        let storage = try storage(box, server)
        for size in [0, 1, 32_768, 131_072, 131_073, 6_000_001] {
            let content = randomBytes(size, seed: UInt64(size))
            try box.write(content, to: "file")
            try storage.put([StorageItem(key: "packs/\(size)", file: box.root + "/file")])
            #expect(try storage.get("packs/\(size)", range: nil) == content)
            #expect(try storage.size(of: "packs/\(size)") == Int64(size))
            guard size > 1 else { continue }
            let (low, high) = (size / 3, size - 1)
            #expect(try storage.get("packs/\(size)", range: Int64(low)..<Int64(high)) == Array(content[low..<high]))
            #expect(throws: MLError.self) { try storage.get("packs/\(size)", range: 0..<Int64(size) + 1) }
        }
        #expect(try box.run("ls -A store/deep/packs | grep -c tmp || true").output.hasPrefix("0"))
    }

    @Test func `an upload that was cut off goes on where it stopped`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        try box.write(randomBytes(9_000_000, seed: 5), to: "file")
        // The first connection carries 5 MB and breaks.
        try box.write(
            """
            #!/bin/sh
            echo x >> '\(box.root)/connections'
            [ "$(wc -l < '\(box.root)/connections')" -gt 1 ] || exec sh -c 'stdbuf -o0 head -c 5000000 | \(server.command) "$@"' ssh "$@"
            exec \(server.command) "$@"
            """, to: "cut.sh")
        let storage = try storage(box, server, "sh \(box.root)/cut.sh")
        let notes = Notes()
        Trace.begin { notes.add($0) }
        try storage.put([StorageItem(key: "packs/a", file: box.root + "/file")])
        let resumed = notes.all.compactMap { line -> Int? in
            line.contains("goes on with packs/a at byte ") ? Int(line.split(separator: " ").last ?? "") : nil
        }
        #expect(resumed.contains { $0 > 1_000_000 }, "\(notes.all)")
        #expect(try storage.get("packs/a", range: nil) == box.read("file"))
        #expect(try box.run("ls -A store/deep/packs").output == "a\n")
    }

    @Test func `what an earlier upload left is compared, never trusted and never cut short in place`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        try box.write(randomBytes(300_000, seed: 6), to: "file")
        let storage = try storage(box, server)
        try storage.put([StorageItem(key: "packs/a", file: box.root + "/file")])
        // The name of the temporary file is a function of key and content.
        var hasher = SHA256Hasher()
        (Array("packs/a\0".utf8) + (try box.read("file"))).withUnsafeBytes { hasher.update($0) }
        let temporary = "store/deep/packs/.tmp-" + hasher.finish().hex.prefix(32)
        try box.run(
            "mv store/deep/packs/a '\(temporary)' && printf x | dd of='\(temporary)' bs=1 seek=200000 conv=notrunc 2>&1"
        )
        try box.run("ln '\(temporary)' kept")
        try storage.put([StorageItem(key: "packs/a", file: box.root + "/file")])
        #expect(try storage.get("packs/a", range: nil) == box.read("file"))
        #expect(try box.size("kept") == 300_000)
    }

    @Test func `many writers of one key all succeed and one content stays`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        try box.write(randomBytes(400_000, seed: 7), to: "file")
        let storages = try (0..<4).map { _ in try self.storage(box, server) }
        _ = try parallelMap(count: 4, workers: 4) { index in
            try storages[index].put([StorageItem(key: "packs/a", file: box.root + "/file")])
        }
        #expect(try storages[0].get("packs/a", range: nil) == box.read("file"))
        #expect(try box.run("ls -A store/deep/packs").output == "a\n")
        // A key that exists is left as it is.
        try box.write("other", to: "file")
        try storages[1].put([StorageItem(key: "packs/a", file: box.root + "/file")])
        #expect(try storages[1].size(of: "packs/a") == 400_000)
    }

    @Test func `a listing has every name, also of a thousand and of odd ones`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        let storage = try storage(box, server)
        try box.run(
            "mkdir -p store/deep/packs/folder; cd store/deep/packs; seq -f 'n%g' 1500 | xargs touch; touch .tmp-x 'a b' ü"
        )
        let names = try storage.list("packs/")
        #expect(names.count == 1502 && names.contains("packs/a b") && names.contains("packs/ü"))
        #expect(
            try storage.list("packs/n15")
                == (["n15"] + (150...159).map { "n\($0)" } + ["n1500"]).map { "packs/" + $0 }.sorted())
    }

    @Test func `a no says what is missing`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        let item = {
            try box.write("x", to: "file"); return [StorageItem(key: "packs/a", file: box.root + "/file")]
        }
        func refusal(_ storage: SFTPStorage) throws -> MLError {
            let items = try item()
            return try #require(throws: MLError.self) { try storage.put(items) }
        }
        let unknown = try refusal(storage(box, server, server.command.replacing("known_hosts", "other")))
        #expect(unknown.code == .failed && unknown.description.contains("Host key verification failed"))
        #expect(unknown.hints.first?.contains("log in once by hand") == true)
        try box.run("ssh-keygen -q -t ed25519 -N '' -f ssh/stranger")
        let stranger = try refusal(storage(box, server, server.command.replacing("/id ", "/stranger ")))
        #expect(stranger.code == .failed && stranger.description.contains("Permission denied"))
        try box.write("in the way", to: "store/deep/packs")
        let blocked = try refusal(storage(box, server))
        #expect(blocked.code != .negative)
        server.stop()
        for _ in 0..<100 where try box.attempt("kill -0 $(cat ssh/pid 2>/dev/null)").status == 0 { usleep(20_000) }
        #expect(try refusal(storage(box, server)).code == .io)
    }

    @Test func `a server that falls silent is given up and asked again`() throws {
        let box = try Sandbox()
        let server = try SSHServer(box)
        try box.write(randomBytes(3_000_000, seed: 8), to: "file")
        try box.write(
            """
            #!/bin/sh
            echo x >> '\(box.root)/connections'
            [ "$(wc -l < '\(box.root)/connections')" -gt 1 ] ||
                exec sh -c '(stdbuf -o0 head -c 1000000; sleep 60) | \(server.command) "$@"' ssh "$@"
            exec \(server.command) "$@"
            """, to: "stall.sh")
        let storage = try storage(box, server, "sh \(box.root)/stall.sh", patience: 8)
        try storage.put([StorageItem(key: "packs/a", file: box.root + "/file")])
        #expect(try storage.get("packs/a", range: nil) == box.read("file"))
    }

    @Test(
        arguments: [
            ("ssh://host/srv/data", "host", nil, "/srv/data"),
            ("sftp://me@host:2222/srv/data/", "me@host", "2222", "/srv/data"),
            ("ssh://host/~/data", "host", nil, "data"), ("me@host:data/x", "me@host", nil, "data/x"),
            ("host:/srv", "host", nil, "/srv"), ("host:~/data", "host", nil, "data"),
            ("ssh://me@[::1]:22/x", "me@::1", "22", "/x"),
        ] as [(String, String, String?, String)])
    func addresses(url: String, destination: String, port: String?, path: String) throws {
        let address = try #require(try SSHAddress(url))
        #expect(address.destination == destination && address.port == port && address.path == path)
        #expect(try SSHAddress(address.url) == address)
    }

    @Test(arguments: [
        "ssh://-oProxyCommand=x/path", "ssh://me@-host/path", "ssh://host", "ssh://host/", "ssh://me:secret@host/path",
        "ssh://host:/path", "ssh://host:abc/path", "-host:path", "host:", "ssh:///path", "ssh://host/a/../b",
    ])
    func refusals(url: String) throws {
        #expect(throws: MLError.self) { try SSHAddress(url) }
        #expect(try #require(throws: MLError.self) { try SSHAddress(url) }.description.contains("secret") == false)
    }

    @Test func `a colon means a machine only where nothing else is meant`() throws {
        let box = try Sandbox()
        try box.run("mkdir there:is")
        #expect(try StorageURL.open("there:is", relativeTo: box.root) is FolderStorage)
        #expect(try StorageURL.open("C:/data", relativeTo: box.root) is FolderStorage)
        #expect(try StorageURL.open("./a:b", relativeTo: box.root) is FolderStorage)
        #expect(try StorageURL.open("machine:is", relativeTo: box.root) is SFTPStorage)
    }
}

/// Lines noted from many threads.
final class Notes: @unchecked Sendable {
    private let mutex = Mutex()
    private var lines: [String] = []
    var all: [String] { mutex.withLock { lines } }
    func add(_ line: String) { mutex.withLock { lines.append(line) } }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        guard let range = firstRange(of: old) else { return self }
        return self[..<range.lowerBound] + new + self[range.upperBound...]
    }
}

extension Sandbox {
    fileprivate func size(_ path: String) throws -> Int64? { Files.status(root + "/" + path)?.size }
}
