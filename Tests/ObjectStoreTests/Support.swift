import Base
import Glibc
import ObjectStore
import Testing

/// A folder of its own for a test, removed at the end.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/gitml-store-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit { try? Files.remove(path) }

    func store() throws -> ObjectStore { try ObjectStore(root: path + "/mldata") }

    func packFiles(_ ending: String = ".pack") throws -> [String] {
        try Files.list(path + "/mldata/packs").filter { $0.hasSuffix(ending) }.map { path + "/mldata/packs/" + $0 }
    }
}

/// Random bytes that are the same in every run.
func randomBytes(_ count: Int, seed: UInt64, position: UInt64 = 0) -> [UInt8] {
    var random = SeededRandom(seed: seed, purpose: "test bytes", position: position)
    var out: [UInt8] = []
    out.reserveCapacity(count + 8)
    while out.count < count { withUnsafeBytes(of: random.next()) { out += $0 } }
    return Array(out.prefix(count))
}

/// Numbers in text: compresses well.
func tableText(rows: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed, purpose: "test table")
    var text = ""
    for row in 0..<rows { text += "\(row),\(random.below(1000)),\(random.below(10))\n" }
    return Array(text.utf8)
}

extension ObjectStore {
    /// Adds files in one pack.
    @discardableResult
    func addAll(_ files: [[UInt8]]) throws -> [Pointer] {
        let writer = try makeWriter()
        let pointers = try files.map { try writer.add($0).pointer }
        try writer.finish()
        return pointers
    }
}
