import Base
import Glibc
import Pipelines
import Testing

struct ContentTests {
    /// Sets a file's times to long ago, so that its id may be remembered.
    private func settle(_ path: String) {
        var times = [timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000, tv_nsec: 0)]
        utimensat(AT_FDCWD, path, &times, 0)
    }

    @Test func `A folder's id is the hash of its listing`() throws {
        let tree = try TemporaryTree()
        try tree.write("d/b.txt", "b")
        try tree.write("d/a/run.sh", "#!/bin/sh\n")
        chmod(tree.root + "/d/a/run.sh", 0o755)
        symlink("../b.txt", tree.root + "/d/a/link")
        try tree.write("d/.git/config", "not looked at")
        try tree.write("d/skip.tmp", "ignored")
        let content = WorkTreeContent(root: tree.root) { $0.hasSuffix(".tmp") }
        let text =
            "mlrun-folder 1\na/link\0120000 \(ObjectID.of("../b.txt").hex)\n"
            + "a/run.sh\0100755 \(ObjectID.of("#!/bin/sh\n").hex)\nb.txt\0100644 \(ObjectID.of("b").hex)\n"
        #expect(try content.id(of: "d") == ObjectID.of(text))
        #expect(try content.size(of: "d") == 8 + 10 + 1)
        let entries = try #require(try content.entries(of: "d"))
        #expect(FolderID.listing(entries.reversed()) == Array(text.utf8))
        #expect(FolderID.parse(Array(text.utf8)) == entries)
        #expect(try content.id(of: "missing") == nil)
        #expect(try content.id(of: "d/b.txt") == ObjectID.of("b"))
    }

    @Test func `A listing that leads elsewhere is refused`() {
        let id = ObjectID.of("x")
        for path in ["../x", "/x", "a//b", "a/../b", ".git/config", ""] {
            let bytes = FolderID.listing([FolderID.Entry(path: path, mode: .file, id: id)])
            #expect(FolderID.parse(bytes) == nil, "\(path)")
        }
    }

    @Test func `A pointer counts as the content it names`() throws {
        let tree = try TemporaryTree()
        let id = ObjectID.of("real content")
        try tree.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:\(id.hex)\nsize 12\n")
        let content = WorkTreeContent(root: tree.root)
        #expect(try content.id(of: "big.bin") == id)
        #expect(try content.size(of: "big.bin") == 12)
        try tree.write("full.bin", "real content")
        #expect(try content.id(of: "full.bin") == id)
        #expect(PointerText.parse(Array("version https://git-lfs.github.com/spec/v1\nsize 12\n".utf8)) == nil)
    }

    @Test func `The cache answers while stat data is the same and survives a restart`() throws {
        let tree = try TemporaryTree()
        try tree.write("f", "one")
        settle(tree.root + "/f")
        let path = tree.root + "/cache/stat"
        let cache = StatCache(path: path)
        // The change time is now: the file is too young to be remembered, whatever its modification time says.
        #expect(try WorkTreeContent(root: tree.root, cache: cache).id(of: "f") == ObjectID.of("one"))
        #expect(cache.count == 0)
        usleep(150_000)
        #expect(try WorkTreeContent(root: tree.root, cache: cache).id(of: "f") == ObjectID.of("one"))
        #expect(cache.count == 1)
        cache.save()
        let again = StatCache(path: path)
        #expect(again.count == 1)
        try tree.write("f", "two")
        #expect(try WorkTreeContent(root: tree.root, cache: again).id(of: "f") == ObjectID.of("two"))
        #expect(again.count == 0)
    }

    @Test func `A damaged cache is an empty one`() throws {
        let tree = try TemporaryTree()
        try tree.write("f", "one")
        usleep(150_000)
        let path = tree.root + "/stat"
        let cache = StatCache(path: path)
        _ = try WorkTreeContent(root: tree.root, cache: cache).id(of: "f")
        cache.save()
        let bytes = try Files.read(path)
        var random = SeededRandom(seed: 7, purpose: "damage")
        for _ in 0..<50 {
            var damaged = bytes
            damaged[random.below(bytes.count)] ^= UInt8(1 + random.below(255))
            try Files.writeAtomically(damaged, to: path)
            #expect(StatCache(path: path).count == 0)
            try Files.writeAtomically(Array(bytes.prefix(random.below(bytes.count))), to: path)
            #expect(StatCache(path: path).count == 0)
        }
    }
}
