import Base

extension IndexFile {
    /// Reads all entries.
    ///
    /// - Returns: true when the index is split (its `link` extension names a shared base), whose entries are not all here.
    static func parse(_ bytes: [UInt8], _ path: String, into entries: inout [IndexEntry]) throws -> Bool {
        if bytes.isEmpty { return false }
        var reader = IndexReader(bytes: bytes, path: path)
        guard bytes.count >= 32, Array(bytes[..<4]) == Array("DIRC".utf8) else {
            throw MLError(.corrupt, "index file '\(path)' is corrupt", hint: "remove it and run 'git reset'")
        }
        reader.offset = 4
        let version = try reader.u32()
        guard (2...4).contains(version) else {
            throw MLError(.corrupt, "index file '\(path)' has unknown version \(version)")
        }
        let count = Int(try reader.u32())
        entries.reserveCapacity(min(count, bytes.count / 62))
        var previous: [UInt8] = []
        for _ in 0..<count { entries.append(try reader.entry(version: version, previous: &previous)) }
        return try reader.hasLinkExtension()
    }
}

private struct IndexReader {
    let bytes: [UInt8]
    let path: String
    var offset = 0

    mutating func u32() throws -> UInt32 {
        try need(4)
        defer { offset += 4 }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func u16() throws -> UInt16 {
        try need(2)
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func entry(version: UInt32, previous: inout [UInt8]) throws -> IndexEntry {
        let start = offset
        try need(62)
        var fields: [UInt32] = []
        for _ in 0..<10 { fields.append(try u32()) }
        let id = GitID(Hex.encode(bytes[offset..<offset + 20])) ?? .zero
        offset += 20
        let flags = try u16()
        let extended = flags & 0x4000 != 0 ? try u16() : 0
        var name: [UInt8]
        if version == 4 {
            let strip = try varint()
            guard strip <= previous.count else { throw corrupt() }
            name = Array(previous[..<(previous.count - strip)])
        } else {
            name = []
        }
        guard let end = bytes[offset...].firstIndex(of: 0) else { throw corrupt() }
        name += bytes[offset..<end]
        // Versions 2 and 3 pad each entry with 1 to 8 NULs to a multiple of eight.
        offset = version == 4 ? end + 1 : start + (end - start + 8) / 8 * 8
        previous = name
        return IndexEntry(
            path: String(decoding: name, as: UTF8.self), mode: fields[6], id: id, stage: Int(flags >> 12 & 3),
            size: fields[9], modifiedSeconds: fields[2], modifiedNanoseconds: fields[3], inode: fields[5],
            skipWorktree: extended & 0x4000 != 0, statOffset: start)
    }

    /// Git's offset encoding, as in pack files.
    private mutating func varint() throws -> Int {
        try need(1)
        var byte = bytes[offset]
        offset += 1
        var value = Int(byte & 0x7f)
        while byte & 0x80 != 0 {
            try need(1)
            byte = bytes[offset]
            offset += 1
            value = (value + 1) << 7 + Int(byte & 0x7f)
        }
        return value
    }

    mutating func hasLinkExtension() throws -> Bool {
        while offset + 8 <= bytes.count - 20 {
            let name = Array(bytes[offset..<offset + 4])
            offset += 4
            let size = Int(try u32())
            if name == Array("link".utf8) { return true }
            offset += size
        }
        return false
    }

    private func need(_ count: Int) throws {
        guard offset + count <= bytes.count else { throw corrupt() }
    }

    private func corrupt() -> MLError { MLError(.corrupt, "index file '\(path)' is corrupt") }
}
