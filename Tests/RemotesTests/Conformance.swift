import Base
import Glibc
import Remotes
import TestSupport
import Testing

/// What every driver must do, whatever the storage. A driver's test starts a real server and calls `run` in one line.
struct Conformance {
    let storage: any Storage
    let box: Sandbox
    /// How many keys are listed at once: above 1,000 where a key costs little, since that is where most storages begin a page.
    var many = 30
    /// Keys with unusual characters, below `packs/`.
    var odd = ["packs/a b", "packs/x_y%2F+", "packs/ü"]
    /// Sizes of contents; the last ones beyond what goes in one piece where the storage knows parts.
    var sizes = [0, 1, 70_000, 17_000_000]

    /// `GITML_LARGE` asks for 5 GiB in one key and for more than 1,000 keys everywhere: minutes a storage.
    static let isLarge = getenv("GITML_LARGE") != nil

    static func run(
        _ storage: any Storage, _ box: Sandbox, many: Int = 30,
        odd: [String] = ["packs/a b", "packs/x_y%2F+", "packs/ü"], sizes: [Int] = [0, 1, 70_000, 17_000_000]
    ) throws {
        try Conformance(storage: storage, box: box, many: isLarge ? max(many, 1_100) : many, odd: odd, sizes: sizes)
            .run()
    }

    private func run() throws {
        let steps = try RemoteProbe.run(storage, temporary: box.root + "/tmp")
        #expect(steps.count == 7 && steps.allSatisfy { $0.failure == nil }, "\(steps)")
        try absent()
        for size in sizes { try present(size) }
        // A key that exists is left as it is.
        try put("packs/n1", Array("other".utf8))
        #expect(try storage.size(of: "packs/n1") == 1)
        for key in odd {
            try put(key, Array(key.utf8))
            #expect(try storage.get(key, range: nil) == Array(key.utf8), "\(key)")
            #expect(try storage.size(of: key) == Int64(key.utf8.count))
        }
        _ = try parallelMap(count: 4, workers: 4) { _ in try put("packs/same", Array("the same".utf8)) }
        #expect(try storage.get("packs/same", range: nil) == Array("the same".utf8))
        #expect(try storage.list("packs/") == (sizes.map { "packs/n\($0)" } + ["packs/same"] + odd).sorted())
        try listing()
        if Conformance.isLarge { try sparse() }
        for key in try storage.list("packs/") { try storage.delete(key) }
        #expect(try storage.list("packs/") == [] && storage.size(of: "packs/n1") == nil)
    }

    private func put(_ key: String, _ content: [UInt8]) throws {
        let name = "item-\(UInt64.random(in: 0...UInt64.max))"
        try box.write(content, to: name)
        try storage.put([StorageItem(key: key, file: box.root + "/" + name)])
        try Files.remove(box.root + "/" + name)
    }

    private func absent() throws {
        #expect(try storage.list("packs/") == [] && storage.size(of: "packs/absent") == nil)
        #expect(try #require(throws: MLError.self) { try storage.get("packs/absent", range: nil) }.code == .notFound)
        #expect(try #require(throws: MLError.self) { try storage.get("packs/absent", range: 0..<5) }.code == .notFound)
        try storage.delete("packs/absent")
    }

    private func present(_ size: Int) throws {
        let tile = randomBytes(min(size, 70_001), seed: UInt64(size))
        var content = tile
        while content.count < size { content += tile }
        content.removeLast(content.count - size)
        let key = "packs/n\(size)"
        try put(key, content)
        #expect(try storage.size(of: key) == Int64(size))
        #expect(try storage.get(key, range: nil) == content)
        guard size > 1 else { return }
        for range in [0..<1, 1..<2, size - 1..<size, size / 3..<size / 2, 0..<size] {
            let part = Int64(range.lowerBound)..<Int64(range.upperBound)
            #expect(try storage.get(key, range: part) == Array(content[range]), "\(range)")
        }
        // Beyond the end, in part and altogether.
        #expect(throws: MLError.self) { try storage.get(key, range: 0..<Int64(size) + 10) }
        #expect(throws: MLError.self) { try storage.get(key, range: Int64(size) + 5..<Int64(size) + 10) }
    }

    /// More than 4 GiB, and more than one part wherever there are parts.
    private func sparse() throws {
        let size: Int64 = 5 << 30
        let (first, last) = (Array("first".utf8), Array("last".utf8))
        let file = try FileHandle(creating: box.root + "/sparse")
        try file.writeAll(first)
        try file.close()
        try box.run("truncate -s \(size - 4) sparse && printf last >> sparse")
        try storage.put([StorageItem(key: "packs/sparse", file: box.root + "/sparse")])
        #expect(try storage.size(of: "packs/sparse") == size)
        #expect(try storage.get("packs/sparse", range: 0..<6) == first + [0])
        #expect(try storage.get("packs/sparse", range: (4 << 30)..<(4 << 30) + 3) == [0, 0, 0])
        #expect(try storage.get("packs/sparse", range: size - 5..<size) == [0] + last)
        try storage.delete("packs/sparse")
        try Files.remove(box.root + "/sparse")
    }

    private func listing() throws {
        try box.write("", to: "nothing")
        let items = (0..<many).map { StorageItem(key: "gc/\($0)", file: box.root + "/nothing") }
        _ = try parallelMap(count: 8, workers: min(8, storage.usefulTransfers)) { part in
            try storage.put(items.enumerated().filter { $0.offset % 8 == part }.map(\.element))
        }
        #expect(try storage.list("gc/") == items.map(\.key).sorted())
    }
}
