/// What a ZIP file (`.npz`, `.pt`, `.whl`, `.xlsx`, …) holds, from its central directory alone (PKWARE APPNOTE §4.3.12).
struct ZipDirectory {
    struct Member: Hashable, Sendable {
        var name: String
        /// Uncompressed, in bytes.
        var size: UInt32
        var crc32: UInt32
    }

    /// Sorted by name; of several members of one name the last.
    var members: [Member]

    /// The end record and the longest comment behind it.
    private static let longestEnd = 22 + 65535
    /// A longer directory is not read.
    private static let longestDirectory = 64 << 20

    /// - Throws: `NotReadable` for what is no ZIP file, and for ZIP64.
    init(_ source: ContentSource) throws {
        let tail = try source.read(
            at: max(0, source.size - Int64(ZipDirectory.longestEnd)), length: ZipDirectory.longestEnd)
        guard let end = ZipDirectory.endRecord(tail) else { throw NotReadable("it has no end of a ZIP directory") }
        let count = Int(ZipDirectory.number(tail, end + 10, bytes: 2))
        let length = Int(ZipDirectory.number(tail, end + 12, bytes: 4))
        let start = Int64(ZipDirectory.number(tail, end + 16, bytes: 4))
        guard count != 0xffff, length <= ZipDirectory.longestDirectory, start + Int64(length) <= source.size else {
            throw NotReadable("its ZIP directory is too long")
        }
        let bytes = try source.read(at: start, length: length)
        var found: [String: Member] = [:]
        var position = 0
        for _ in 0..<count {
            guard position + 46 <= bytes.count, bytes[position...].starts(with: [0x50, 0x4B, 1, 2]) else {
                throw NotReadable("its ZIP directory is damaged")
            }
            let nameLength = Int(ZipDirectory.number(bytes, position + 28, bytes: 2))
            let rest = [30, 32].reduce(0) { $0 + Int(ZipDirectory.number(bytes, position + $1, bytes: 2)) }
            guard position + 46 + nameLength <= bytes.count else { throw NotReadable("its ZIP directory is damaged") }
            let name = String(decoding: bytes[position + 46..<position + 46 + nameLength], as: UTF8.self)
            found[name] = Member(
                name: name, size: ZipDirectory.number(bytes, position + 24, bytes: 4),
                crc32: ZipDirectory.number(bytes, position + 16, bytes: 4))
            position += 46 + nameLength + rest
        }
        members = found.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private static func endRecord(_ tail: [UInt8]) -> Int? {
        stride(from: tail.count - 22, through: 0, by: -1).first { tail[$0...].starts(with: [0x50, 0x4B, 5, 6]) }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, bytes count: Int) -> UInt32 {
        bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// How the members of two versions of a ZIP file differ, by name, size and CRC-32.
public struct MemberDiff: Hashable, Sendable {
    /// Names, sorted.
    public var added: [String]
    public var removed: [String]
    public var changed: [String]
    public var unchanged: Int

    /// - Throws: `NotReadable` when one is no ZIP file; errors of the sources.
    init(_ old: ContentSource, _ new: ContentSource) throws {
        let before = Dictionary(try ZipDirectory(old).members.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let after = try ZipDirectory(new).members
        let names = Set(after.map(\.name))
        added = after.map(\.name).filter { before[$0] == nil }
        removed = before.keys.filter { !names.contains($0) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        changed = after.filter { before[$0.name] != nil && before[$0.name] != $0 }.map(\.name)
        unchanged = after.count - added.count - changed.count
    }
}
