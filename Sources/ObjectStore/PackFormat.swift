import Base

/// What a stored object is.
public enum ObjectKind: UInt8, Sendable {
    /// Bytes of a file, named by their SHA-256.
    case chunk = 1
    /// The list of a file's chunks, named by the SHA-256 of that file.
    case recipe = 2
}

/// How an object's bytes are stored.
public enum Codec: UInt8, Sendable {
    case raw = 0
    case zstd = 1
}

/// Where a pack keeps an object.
public struct PackEntry: Hashable, Sendable {
    public var id: ObjectID
    public var kind: ObjectKind
    public var codec: Codec
    /// Where the record starts in the pack, its header included.
    public var offset: UInt64
    /// Bytes in the pack, without the header.
    public var storedLength: UInt32
    /// Bytes once decompressed.
    public var rawLength: UInt32

    public init(id: ObjectID, kind: ObjectKind, codec: Codec, offset: UInt64, storedLength: UInt32, rawLength: UInt32) {
        self.id = id
        self.kind = kind
        self.codec = codec
        self.offset = offset
        self.storedLength = storedLength
        self.rawLength = rawLength
    }

    /// The whole record in the pack: what one ranged read must bring.
    public var range: Range<UInt64> { offset..<offset + UInt64(PackFormat.recordHeaderLength) + UInt64(storedLength) }
}

/// The byte layout of packs (`Documentation/formats/store.md`). All numbers are little-endian.
public enum PackFormat {
    public static let version: UInt32 = 1
    /// `MLDP`, version.
    public static let headerLength = 8
    /// `MLDR`, kind, codec, two zero bytes, stored length, raw length, id.
    public static let recordHeaderLength = 48
    /// The longest chunk a reader accepts, so that a damaged length cannot ask for all the memory there is.
    static let chunkLimit: UInt32 = 16 << 20
    /// The same for recipes: 2 GiB describes a file of several TiB.
    static let recipeLimit: UInt32 = 1 << 31

    static let packMagic = Array("MLDP".utf8)
    static let recordMagic = Array("MLDR".utf8)

    /// The first bytes of every pack.
    public static var header: [UInt8] { packMagic + littleEndian(version) }

    /// - Throws: `MLError(.corrupt)` for other content, `MLError(.invalidInput)` for a newer version.
    public static func checkHeader(_ bytes: [UInt8], of name: String) throws {
        guard bytes.count >= headerLength, bytes.starts(with: packMagic) else {
            throw MLError(.corrupt, "'\(name)' is not a pack")
        }
        let found = bytes.withUnsafeBytes { $0.littleEndian(UInt32.self, at: 4) }
        guard found == version else {
            throw MLError(
                .invalidInput, "pack '\(name)' has version \(found), this program reads version \(version)",
                hint: "update git-mldata")
        }
    }

    /// Appends the header of an object's record.
    static func appendRecordHeader(_ entry: PackEntry, to out: inout [UInt8]) {
        out += recordMagic
        out.append(entry.kind.rawValue)
        out.append(entry.codec.rawValue)
        out += [0, 0]
        out += littleEndian(entry.storedLength)
        out += littleEndian(entry.rawLength)
        out += entry.id.bytes
    }

    /// The entry a record's header describes; nil when the bytes are no such header.
    public static func parseRecordHeader(_ bytes: UnsafeRawBufferPointer, offset: UInt64) -> PackEntry? {
        guard bytes.count >= recordHeaderLength, bytes.starts(with: recordMagic), bytes[6] == 0, bytes[7] == 0,
            let kind = ObjectKind(rawValue: bytes[4]), let codec = Codec(rawValue: bytes[5])
        else { return nil }
        let stored = bytes.littleEndian(UInt32.self, at: 8)
        let raw = bytes.littleEndian(UInt32.self, at: 12)
        let limit = kind == .chunk ? chunkLimit : recipeLimit
        guard stored <= limit, raw <= limit, codec == .zstd || stored == raw else { return nil }
        return PackEntry(
            id: ObjectID(unaligned: bytes, at: 16), kind: kind, codec: codec, offset: offset, storedLength: stored,
            rawLength: raw)
    }

    static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian number at `offset`, which may have any alignment.
    func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension ObjectID {
    /// The id whose 32 bytes start at `offset`; the caller has checked that they are there.
    init(unaligned bytes: UnsafeRawBufferPointer, at offset: Int) {
        self = ObjectID(bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + ObjectID.byteCount])) ?? .zero
    }
}
