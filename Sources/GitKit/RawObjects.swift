import Base

/// A tree object as it stands in the database: names are bytes, modes keep their spelling, the order stays.
public struct RawTree: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        /// As written: `100644`, `100755`, `120000`, `160000`, `40000`, and odd ones of old tools.
        public var mode: [UInt8]
        public var name: [UInt8]
        public var id: GitID

        public init(mode: String, name: [UInt8], id: GitID) {
            self.mode = Array(mode.utf8)
            self.name = name
            self.id = id
        }

        init(mode: [UInt8], name: [UInt8], id: GitID) {
            self.mode = mode
            self.name = name
            self.id = id
        }

        public var isFolder: Bool { mode == Array("40000".utf8) || mode == Array("040000".utf8) }
        public var isRegularFile: Bool { mode.count == 6 && mode.starts(with: "10".utf8) }
        public var isSymbolicLink: Bool { mode == Array("120000".utf8) }
    }

    public var entries: [Entry]

    /// Reads a tree object (git: Documentation/user-manual, "tree object": mode, space, name, NUL, id).
    ///
    /// - Throws: `MLError(.corrupt)`.
    public init(parsing bytes: UnsafeRawBufferPointer) throws {
        entries = []
        var offset = 0
        while offset < bytes.count {
            guard let space = bytes[offset...].firstIndex(of: 0x20), let end = bytes[space...].firstIndex(of: 0),
                end + GitID.byteCount < bytes.count
            else { throw MLError(.corrupt, "a tree object is damaged") }
            let after = end + 1 + GitID.byteCount
            entries.append(
                Entry(
                    mode: Array(bytes[offset..<space]), name: Array(bytes[(space + 1)..<end]),
                    id: GitID(UnsafeRawBufferPointer(rebasing: bytes[(end + 1)..<after]))))
            offset = after
        }
    }

    public var encoded: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(entries.reduce(0) { $0 + $1.mode.count + $1.name.count + 22 })
        for entry in entries {
            out += entry.mode
            out.append(0x20)
            out += entry.name
            out.append(0)
            out += entry.id.bytes
        }
        return out
    }

    /// Sets the file of a name, or removes it; a new one is put where git's order wants it.
    public mutating func setFile(_ name: String, _ id: GitID?) {
        let bytes = Array(name.utf8)
        if let index = entries.firstIndex(where: { $0.name == bytes }) {
            if let id { entries[index].id = id } else { entries.remove(at: index) }
        } else if let id {
            // Git compares folders as if their names ended in a slash.
            let index =
                entries.firstIndex { entry in
                    bytes.lexicographicallyPrecedes(entry.isFolder ? entry.name + [0x2F] : entry.name)
                } ?? entries.count
            entries.insert(Entry(mode: "100644", name: bytes, id: id), at: index)
        }
    }

    public func entry(named name: String) -> Entry? { entries.first { $0.name == Array(name.utf8) } }
}

/// A commit or tag object as it stands in the database: header lines and the rest, byte for byte.
public struct RawHeader: Sendable {
    /// Key and value of each header line; a continued line's value holds its line feeds and leading spaces.
    public var fields: [(key: String, value: [UInt8])]
    /// What follows the headers, with the empty line before it.
    public var message: [UInt8]

    public init(parsing bytes: UnsafeRawBufferPointer) {
        fields = []
        var offset = 0
        while offset < bytes.count, bytes[offset] != 0x0A {
            let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
            if bytes[offset] == 0x20, !fields.isEmpty {
                fields[fields.count - 1].value += [0x0A] + bytes[offset..<end]
            } else {
                let space = bytes[offset..<end].firstIndex(of: 0x20) ?? end
                let value = space < end ? Array(bytes[(space + 1)..<end]) : []
                fields.append((String(decoding: bytes[offset..<space], as: UTF8.self), value))
            }
            offset = min(end + 1, bytes.count)
        }
        message = Array(bytes[offset...])
    }

    public var encoded: [UInt8] {
        fields.flatMap { Array($0.key.utf8) + [0x20] + $0.value + [0x0A] } + message
    }

    /// The ids in the fields of a key: the parents of a commit.
    public func ids(_ key: String) -> [GitID] {
        fields.filter { $0.key == key }.compactMap { GitID(String(decoding: $0.value, as: UTF8.self)) }
    }

    /// Replaces each id in the fields of a key.
    public mutating func replaceIDs(_ key: String, _ change: (GitID) -> GitID) {
        for index in fields.indices where fields[index].key == key {
            guard let id = GitID(String(decoding: fields[index].value, as: UTF8.self)) else { continue }
            fields[index].value = Array(change(id).hex.utf8)
        }
    }
}
