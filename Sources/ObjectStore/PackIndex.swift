import Base
import Glibc

/// The table of contents of a pack: which objects it holds and where, sorted by id.
///
/// Small enough to be fetched whole with one request, and never parsed entry by entry to answer a look-up.
public struct PackIndex: Sendable {
    static let magic = Array("MLDI".utf8)
    static let headerLength = 12
    static let fanOutLength = 256 * 4
    static let entryLength = 52
    /// The pack's length and the checksum.
    static let trailerLength = 8 + 32

    private let region: ByteRegion
    /// How many objects the pack holds.
    public let count: Int

    /// Reads an index from its bytes and checks its hash.
    ///
    /// - Parameter name: what messages call it.
    /// - Throws: `MLError(.corrupt)`, or `MLError(.invalidInput)` for a newer version.
    public init(parsing bytes: [UInt8], name: String) throws {
        try self.init(ByteRegion(copying: bytes), name: name)
        guard hasValidChecksum else { throw MLError(.corrupt, "index '\(name)' does not match its checksum") }
    }

    /// Maps an index file. Its hash is not checked, so that opening costs nothing: whatever a look-up finds is checked
    /// when the object is read.
    init(mapping path: String) throws { try self.init(try ByteRegion(mapping: path), name: path) }

    private init(_ region: ByteRegion, name: String) throws {
        let bytes = region.bytes
        let fixed = PackIndex.headerLength + PackIndex.fanOutLength + PackIndex.trailerLength
        guard bytes.count >= fixed, bytes.starts(with: PackIndex.magic) else {
            throw MLError(.corrupt, "'\(name)' is not a pack index", hint: PackIndex.hint)
        }
        let version = bytes.littleEndian(UInt32.self, at: 4)
        guard version == PackFormat.version else {
            throw MLError(
                .invalidInput,
                "index '\(name)' has version \(version), this program reads version \(PackFormat.version)",
                hint: "update git-mldata")
        }
        count = Int(bytes.littleEndian(UInt32.self, at: 8))
        self.region = region
        guard bytes.count == fixed + count * PackIndex.entryLength, fanOut(255) == count,
            (1..<256).allSatisfy({ fanOut($0 - 1) <= fanOut($0) })
        else { throw MLError(.corrupt, "index '\(name)' has a wrong length or table", hint: PackIndex.hint) }
    }

    static let hint = "run 'git mldata fsck'"

    /// The length of the pack file this index describes.
    public var packLength: UInt64 {
        region.bytes.littleEndian(UInt64.self, at: region.bytes.count - PackIndex.trailerLength)
    }

    /// Whether the last 32 bytes are the SHA-256 of all before.
    public var hasValidChecksum: Bool {
        let end = region.bytes.count - ObjectID.byteCount
        return ObjectID.of(UnsafeRawBufferPointer(rebasing: region.bytes[..<end]))
            == ObjectID(unaligned: region.bytes, at: end)
    }

    /// All entries, ascending by id.
    public var entries: [PackEntry] { (0..<count).compactMap { entry(at: $0) } }

    /// All ids, ascending.
    public var ids: [ObjectID] { (0..<count).map { ObjectID(unaligned: region.bytes, at: offset(of: $0)) } }

    public func contains(_ id: ObjectID) -> Bool { position(of: id) != nil }

    /// The entry for `id`; nil when the pack does not hold it, or when the index is damaged at this place.
    public func find(_ id: ObjectID) -> PackEntry? { position(of: id).flatMap { entry(at: $0) } }

    private func position(of id: ObjectID) -> Int? {
        let key = id.bytes
        var low = id.firstByte == 0 ? 0 : fanOut(id.firstByte - 1)
        var high = fanOut(id.firstByte)
        guard let base = region.bytes.baseAddress else { return nil }
        while low < high {
            let middle = (low + high) / 2
            let order = memcmp(base + offset(of: middle), key, ObjectID.byteCount)
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    private func fanOut(_ byte: Int) -> Int {
        Int(region.bytes.littleEndian(UInt32.self, at: PackIndex.headerLength + byte * 4))
    }

    private func offset(of position: Int) -> Int {
        PackIndex.headerLength + PackIndex.fanOutLength + position * PackIndex.entryLength
    }

    private func entry(at position: Int) -> PackEntry? {
        let bytes = region.bytes
        let start = offset(of: position)
        guard let kind = ObjectKind(rawValue: bytes[start + 32]), let codec = Codec(rawValue: bytes[start + 33]) else {
            return nil
        }
        let place = bytes.littleEndian(UInt64.self, at: start + 36)
        guard place < 1 << 62 else { return nil }
        return PackEntry(
            id: ObjectID(unaligned: bytes, at: start), kind: kind, codec: codec, offset: place,
            storedLength: bytes.littleEndian(UInt32.self, at: start + 44),
            rawLength: bytes.littleEndian(UInt32.self, at: start + 48))
    }

    /// The bytes of an index over `entries`, in any order but each id once.
    public static func encode(_ entries: some Sequence<PackEntry>, packLength: UInt64) -> [UInt8] {
        let sorted = entries.sorted { $0.id < $1.id }
        var out = magic + PackFormat.littleEndian(PackFormat.version) + PackFormat.littleEndian(UInt32(sorted.count))
        out.reserveCapacity(headerLength + fanOutLength + sorted.count * entryLength + trailerLength)
        var counts = [UInt32](repeating: 0, count: 256)
        for entry in sorted { counts[entry.id.firstByte] += 1 }
        var running: UInt32 = 0
        for count in counts {
            running += count
            out += PackFormat.littleEndian(running)
        }
        for entry in sorted {
            out += entry.id.bytes
            out += [entry.kind.rawValue, entry.codec.rawValue, 0, 0]
            out += PackFormat.littleEndian(entry.offset)
            out += PackFormat.littleEndian(entry.storedLength)
            out += PackFormat.littleEndian(entry.rawLength)
        }
        out += PackFormat.littleEndian(packLength)
        out += ObjectID.of(out).bytes
        return out
    }

    /// The name of the pack that holds exactly these objects: the SHA-256 of their ids, ascending.
    public static func packName(_ ids: some Sequence<ObjectID>) -> ObjectID {
        var hasher = SHA256Hasher()
        for id in ids.sorted() { hasher.update(id.bytes) }
        return hasher.finish()
    }
}
