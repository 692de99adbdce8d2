import Base
import Glibc

extension IndexFile {
    /// Reads all entries.
    ///
    /// - Returns: true when the index is split (its `link` extension names a shared base), whose entries are not all here.
    static func parse(_ bytes: [UInt8], _ path: String, into entries: inout [IndexEntry]) throws -> Bool {
        if bytes.isEmpty { return false }
        return try walk(bytes, path, expect: { entries.reserveCapacity($0) }) { entries.append($0.decoded) }
    }

    /// Hands over the entries in their order, some at a time, so that what is done with them needs memory for these only.
    ///
    /// - Parameters:
    ///   - path: of the index; a missing file has no entries.
    ///   - count: how many at a time.
    public static func forEachStretch(
        path: String, count: Int = 1 << 16, _ body: ([IndexEntry]) throws -> Void
    ) throws {
        guard Files.exists(path) else { return }
        let bytes = try Files.read(path)
        if bytes.isEmpty { return }
        var stretch: [IndexEntry] = []
        _ = try walk(bytes, path, expect: { stretch.reserveCapacity(min($0, count)) }) { entry in
            stretch.append(entry.decoded)
            guard stretch.count == count else { return }
            try body(stretch)
            stretch.removeAll(keepingCapacity: true)
        }
        if !stretch.isEmpty { try body(stretch) }
    }

    /// The tree that the entries are, as Git noted when it last wrote one (its `TREE` extension); nil when entries changed
    /// since, or the index is split.
    ///
    /// - Parameter body: is handed each entry, without its path; false ends the reading with nil.
    static func cachedTree(_ bytes: [UInt8], _ path: String, _ body: (RawEntry) throws -> Bool) throws -> GitID? {
        var tree: GitID?
        var isWanted = true
        let isSplit = try walk(
            bytes, path,
            extensions: { name, content in
                // The root has an empty name; its id follows the counts of entries and of folders.
                guard name == Array("TREE".utf8), content.count > 24, content[0] == 0,
                    let end = content.firstIndex(of: 10), content[1] != UInt8(ascii: "-"), content.count >= end + 21
                else { return }
                tree = GitID(UnsafeRawBufferPointer(rebasing: content[(end + 1)..<(end + 21)]))
            }
        ) { entry in if isWanted { isWanted = try body(entry) } }
        return isWanted && !isSplit ? tree : nil
    }

    /// An entry as it is read: its path is not a string yet.
    struct RawEntry {
        var name: [UInt8]
        var entry: IndexEntry

        var decoded: IndexEntry {
            var entry = entry
            entry.path = String(path: name)
            return entry
        }
    }

    /// Reads one entry after the other.
    ///
    /// - Parameter expect: is told first how many there will be at most.
    /// - Returns: whether the index is split.
    static func walk(
        _ bytes: [UInt8], _ path: String, expect: (Int) -> Void = { _ in },
        extensions: ([UInt8], UnsafeRawBufferPointer) -> Void = { _, _ in }, _ body: (RawEntry) throws -> Void
    ) throws -> Bool {
        try bytes.withUnsafeBytes { memory in
            var reader = IndexReader(bytes: memory, path: path)
            guard memory.count >= 32, memory.starts(with: "DIRC".utf8) else {
                throw MLError(.corrupt, "index file '\(path)' is corrupt", hint: "remove it and run 'git reset'")
            }
            reader.offset = 4
            let version = try reader.u32()
            guard (2...4).contains(version) else {
                throw MLError(.corrupt, "index file '\(path)' has unknown version \(version)")
            }
            let count = Int(try reader.u32())
            expect(min(count, memory.count / 62))
            var current = RawEntry(name: [], entry: IndexEntry())
            for _ in 0..<count {
                try reader.read(&current, version: version)
                try body(current)
            }
            return try reader.hasLinkExtension(extensions)
        }
    }
}

private struct IndexReader {
    let bytes: UnsafeRawBufferPointer
    let path: String
    var offset = 0

    mutating func u32() throws -> UInt32 {
        try need(4)
        defer { offset += 4 }
        return word(at: offset)
    }

    mutating func u16() throws -> UInt16 {
        try need(2)
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    private func word(at offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Reads the next entry over the one before.
    mutating func read(_ raw: inout IndexFile.RawEntry, version: UInt32) throws {
        let start = offset
        try need(62)
        let id = GitID(UnsafeRawBufferPointer(rebasing: bytes[start + 40..<start + 60]))
        offset += 60
        let flags = try u16()
        let extended = flags & 0x4000 != 0 ? try u16() : 0
        // Only version 4 says how much of the name before to keep.
        let kept = version == 4 ? raw.name.count - (try varint()) : 0
        guard kept >= 0, offset < bytes.count, let name = bytes.baseAddress.map({ $0 + offset }),
            let terminator = memchr(name, 0, bytes.count - offset)
        else { throw corrupt() }
        let end = offset + (UnsafeRawPointer(terminator) - name)
        raw.name.removeSubrange(kept...)
        raw.name.append(contentsOf: bytes[offset..<end])
        // Versions 2 and 3 pad each entry with 1 to 8 NULs to a multiple of eight.
        offset = version == 4 ? end + 1 : start + (end - start + 8) / 8 * 8
        raw.entry = IndexEntry(
            path: "", mode: word(at: start + 24), id: id,
            stage: Int(flags >> 12 & 3), size: word(at: start + 36), modifiedSeconds: word(at: start + 8),
            modifiedNanoseconds: word(at: start + 12), inode: word(at: start + 20),
            skipWorktree: extended & 0x4000 != 0, statOffset: start)
    }

    /// Git's offset encoding, as in pack files.
    private mutating func varint() throws -> Int {
        try need(1)
        var byte = bytes[offset]
        offset += 1
        var value = Int(byte & 0x7f)
        while byte & 0x80 != 0 {
            guard value < 1 << 32 else { throw corrupt() }
            try need(1)
            byte = bytes[offset]
            offset += 1
            value = (value + 1) << 7 + Int(byte & 0x7f)
        }
        return value
    }

    mutating func hasLinkExtension(_ each: ([UInt8], UnsafeRawBufferPointer) -> Void) throws -> Bool {
        while offset + 8 <= bytes.count - 20 {
            let name = Array(bytes[offset..<offset + 4])
            offset += 4
            let size = Int(try u32())
            if name == Array("link".utf8) { return true }
            try need(size)
            each(name, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]))
            offset += size
        }
        return false
    }

    private func need(_ count: Int) throws {
        guard offset + count <= bytes.count else { throw corrupt() }
    }

    private func corrupt() -> MLError { MLError(.corrupt, "index file '\(path)' is corrupt") }
}
