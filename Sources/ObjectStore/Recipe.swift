import Base

/// How a file is put together: its chunks in order.
///
/// A file of one chunk needs no recipe, since the chunk has the file's own name.
public struct Recipe: Hashable, Sendable {
    /// One chunk of the file.
    public struct Part: Hashable, Sendable {
        public var id: ObjectID
        public var length: UInt32

        public init(id: ObjectID, length: UInt32) {
            self.id = id
            self.length = length
        }
    }

    /// The SHA-256 of the whole file.
    public var oid: ObjectID
    public var parts: [Part]

    public init(oid: ObjectID, parts: [Part]) {
        self.oid = oid
        self.parts = parts
    }

    /// The file's length in bytes.
    public var size: Int64 { parts.reduce(0) { $0 + Int64($1.length) } }

    static let magic = Array("MLRP".utf8)
    /// Magic, version, oid, size, count.
    static let headerLength = 4 + 4 + 32 + 8 + 4
    static let partLength = 36

    /// The bytes the store keeps, ending in their own SHA-256.
    public var encoded: [UInt8] {
        var out = Recipe.magic + PackFormat.littleEndian(PackFormat.version) + oid.bytes
        out.reserveCapacity(Recipe.headerLength + parts.count * Recipe.partLength + ObjectID.byteCount)
        out += PackFormat.littleEndian(size)
        out += PackFormat.littleEndian(UInt32(parts.count))
        for part in parts {
            out += part.id.bytes
            out += PackFormat.littleEndian(part.length)
        }
        out += ObjectID.of(out).bytes
        return out
    }

    /// Reads a recipe and checks its hash, its length and its sum.
    ///
    /// - Throws: `MLError(.corrupt)` naming `oid`.
    public init(parsing bytes: [UInt8], of oid: ObjectID) throws {
        self = try bytes.withUnsafeBytes { buffer in
            let end = buffer.count - ObjectID.byteCount
            guard end >= Recipe.headerLength, buffer.starts(with: Recipe.magic),
                ObjectID.of(UnsafeRawBufferPointer(rebasing: buffer[..<end])) == ObjectID(unaligned: buffer, at: end),
                buffer.littleEndian(UInt32.self, at: 4) == PackFormat.version, ObjectID(unaligned: buffer, at: 8) == oid
            else { throw MLError(.corrupt, "the recipe of '\(oid)' is damaged", hint: PackIndex.hint) }
            let count = Int(buffer.littleEndian(UInt32.self, at: 48))
            guard end == Recipe.headerLength + count * Recipe.partLength else {
                throw MLError(.corrupt, "the recipe of '\(oid)' has a wrong length", hint: PackIndex.hint)
            }
            let parts = (0..<count).map { index in
                let start = Recipe.headerLength + index * Recipe.partLength
                return Part(
                    id: ObjectID(unaligned: buffer, at: start), length: buffer.littleEndian(UInt32.self, at: start + 32)
                )
            }
            let recipe = Recipe(oid: oid, parts: parts)
            guard recipe.size == buffer.littleEndian(Int64.self, at: 40) else {
                throw MLError(.corrupt, "the recipe of '\(oid)' has a wrong sum", hint: PackIndex.hint)
            }
            return recipe
        }
    }
}
