import Base
import GitKit
import Glibc
import ObjectStore
import Remotes
import TestSupport
import Testing

@Suite struct RemotesTests {
    @Test func `a folder keeps all five verbs`() throws {
        let box = try Sandbox()
        let steps = try RemoteProbe.run(FolderStorage(root: box.root + "/disk"), temporary: box.root + "/tmp")
        #expect(steps.count == 7 && steps.allSatisfy { $0.failure == nil }, "\(steps)")
        #expect(throws: MLError.self) { try FolderStorage(root: box.root + "/disk").get("../home/x", range: nil) }
        #expect(throws: MLError.self) {
            try FolderStorage(root: "/nowhere/at/all").put([StorageItem(key: "a", file: "/etc/hostname")])
        }
    }

    @Test func `the git remote keeps all five verbs and no second copy here`() throws {
        let box = try Sandbox()
        try box.run("git init -q --bare r.git && git init -q repo && cd repo && git remote add origin ../r.git")
        let repository = try Repository(discoveringFrom: box.root + "/repo")
        let storage = GitRemoteStorage(remote: "origin", repository: repository, temporary: box.root + "/passing")
        let steps = try RemoteProbe.run(storage, temporary: box.root + "/tmp")
        storage.close()
        #expect(steps.count == 7 && steps.allSatisfy { $0.failure == nil }, "\(steps)")
        #expect(!box.exists("passing"))
        #expect(try box.run("git count-objects", in: "repo").output.hasPrefix("0 objects"))
        #expect(try box.run("git for-each-ref", in: "repo").output == "")
    }

    @Test func `a WebDAV server keeps all five verbs and takes packs`() throws {
        let box = try Sandbox()
        guard try box.attempt("command -v rclone").status == 0 else {
            print("skipped: rclone is not installed")
            return
        }
        try box.run("mkdir dav")
        let port = 20_000 + Int(getpid()) % 20_000
        let pid = try box.run(
            "rclone serve webdav --addr 127.0.0.1:\(port) '\(box.root)/dav' >log 2>&1 & echo $!"
        ).output.trimmingLineFeed
        defer { _ = try? box.attempt("kill \(pid)") }
        let storage = try HTTPStorage(url: "http://127.0.0.1:\(port)/team")
        for _ in 0..<100 where (try? storage.list("packs/")) == nil { usleep(50_000) }
        let steps = try RemoteProbe.run(storage, temporary: box.root + "/tmp")
        #expect(steps.count == 7 && steps.allSatisfy { $0.failure == nil }, "\(steps)")

        let content = randomBytes(700_000, seed: 1)
        let one = try ObjectStore(root: box.root + "/one")
        let writer = try one.makeWriter()
        let file = try writer.add(content).pointer
        try writer.finish()
        let first = PackRemote(storage, cache: box.root + "/cache1", sizeLimit: nil)
        let sent = try first.push([file], from: one, temporary: box.root + "/t", progress: SilentProgress())
        #expect(sent.packs == 1 && sent.objects > 2)
        #expect(try first.push([file], from: one, temporary: box.root + "/t", progress: SilentProgress()).packs == 0)
        let two = try ObjectStore(root: box.root + "/two")
        let second = PackRemote(storage, cache: box.root + "/cache2", sizeLimit: nil)
        #expect(try second.fetch([file], into: two, progress: SilentProgress()).missing == [])
        #expect(try two.read(file.oid) == content)
        #expect(
            try second.fetch([Pointer(oid: ObjectID.of("x"), size: 1)], into: two, progress: SilentProgress()).missing
                == [ObjectID.of("x")])
    }

    @Test func `what a hostile remote sends never reaches the store`() throws {
        let box = try Sandbox()
        let one = try ObjectStore(root: box.root + "/one")
        let writer = try one.makeWriter()
        let file = try writer.add(randomBytes(5000, seed: 2)).pointer
        try writer.finish()
        let disk = FolderStorage(root: box.root + "/disk")
        let remote = PackRemote(disk, cache: box.root + "/c1", sizeLimit: nil)
        _ = try remote.push([file], from: one, temporary: box.root + "/t", progress: SilentProgress())
        let pack = try #require(Files.list(box.root + "/disk/packs").first { $0.hasSuffix(".pack") })
        var bytes = try box.read("disk/packs/" + pack)
        bytes[bytes.count - 10] ^= 1
        try box.write(bytes, to: "disk/packs/" + pack)
        let two = try ObjectStore(root: box.root + "/two")
        let reader = PackRemote(disk, cache: box.root + "/c2", sizeLimit: nil)
        #expect(throws: MLError.self) { try reader.fetch([file], into: two, progress: SilentProgress()) }
        #expect(try !two.contains(file.oid))
    }

    @Test func `a size limit refuses with advice and moves nothing`() throws {
        let box = try Sandbox()
        let store = try ObjectStore(root: box.root + "/one")
        let writer = try store.makeWriter()
        let file = try writer.add(randomBytes(200_000, seed: 3)).pointer
        try writer.finish()
        let remote = PackRemote(FolderStorage(root: box.root + "/disk"), cache: box.root + "/c", sizeLimit: 100_000)
        #expect(throws: MLError.self) {
            try remote.push([file], from: store, temporary: box.root + "/t", progress: SilentProgress())
        }
        #expect(!box.exists("disk"))
    }

    @Test func `credentials in a URL are refused and never shown`() {
        #expect(throws: MLError.self) { try HTTPStorage(url: "https://me:secret@example.com/x") }
        #expect(throws: MLError.self) { try StorageURL.open("ftp://bucket", relativeTo: "/") }
    }
}

extension String {
    fileprivate var trimmingLineFeed: String { String(prefix { $0 != "\n" }) }
}
