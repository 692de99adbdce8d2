import Base

/// A new pack on its way to a remote.
public struct ExportedPack: Sendable {
    /// The name under which pack and index are stored: `<name>.pack`, `<name>.idx`.
    public var name: ObjectID
    public var pack: [UInt8]
    public var index: [UInt8]
    /// What the pack holds.
    public var entries: [PackEntry]
}

extension ObjectStore {
    /// The objects files consist of: for each its recipe, if it has one, and its chunks; each object once, in file
    /// order.
    ///
    /// - Throws: `MLError(.missingObject)` for a file the store does not know. Chunks are not looked for.
    public func closure(of oids: some Sequence<ObjectID>) throws -> [ObjectID] {
        var seen: Set<ObjectID> = []
        var out: [ObjectID] = []
        for oid in oids where seen.insert(oid).inserted {
            guard let recipe = try recipe(oid) else { throw ObjectStore.missing(oid) }
            out.append(oid)
            for part in recipe.parts where seen.insert(part.id).inserted { out.append(part.id) }
        }
        return out
    }

    /// Where objects of the local store are and how long they are, for those that are there.
    public func entries(for ids: some Sequence<ObjectID>) throws -> [PackEntry] {
        try ids.compactMap { try locate($0)?.entry }
    }

    /// Builds packs of objects, as they are stored, each checked against its name first.
    ///
    /// - Parameters:
    ///   - limit: the greatest length of a pack in bytes; one object alone may exceed it.
    ///   - sink: takes each pack as soon as it is full. Memory holds one at a time.
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`; errors of `sink`.
    public func exportPacks(of ids: [ObjectID], limit: Int = 32 << 20, sink: (ExportedPack) throws -> Void) throws {
        var builder = PackBuilder(limit: limit)
        for start in stride(from: 0, to: ids.count, by: 32) {
            let batch = ids[start..<min(start + 32, ids.count)]
            for (entry, record) in try parallelMap(count: batch.count, { try self.checkedRecord(batch[start + $0]) }) {
                if builder.length > PackFormat.headerLength, builder.length + record.count > limit {
                    try sink(builder.finish())
                    builder = PackBuilder(limit: limit)
                }
                builder.append(entry, record)
            }
        }
        if builder.length > PackFormat.headerLength { try sink(builder.finish()) }
    }

    /// Copies files from another store on this machine, each object checked against its name.
    ///
    /// - Parameter oids: files that the other store has.
    /// - Returns: how many objects this store lacked, and their bytes.
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`, `MLError(.io)`.
    public func copy(_ oids: some Sequence<ObjectID>, from other: ObjectStore) throws -> (objects: Int, bytes: Int64) {
        let writer = try makeWriter()
        var objects = 0
        var bytes: Int64 = 0
        for id in try other.closure(of: oids) {
            let (entry, record) = try other.checkedRecord(id)
            guard try writer.importRecord(entry, record: record, pack: other.root) else { continue }
            objects += 1
            bytes += Int64(record.count)
        }
        try writer.finish()
        return (objects, bytes)
    }

    /// An object's record once its content has been checked.
    func checkedRecord(_ id: ObjectID) throws -> (PackEntry, [UInt8]) {
        guard let found = try locate(id) else { throw ObjectStore.missing(id) }
        let record = try found.record()
        _ = try StoredObject.extract(found.entry, fromRecord: record, pack: found.packName)
        return (found.entry, record)
    }
}

/// A pack in memory.
private struct PackBuilder {
    private var bytes = PackFormat.header
    private var entries: [ObjectID: PackEntry] = [:]

    /// Room for the whole pack at once: growing would hold it twice. What is not written to takes no memory.
    init(limit: Int) { bytes.reserveCapacity(limit) }

    var length: Int { bytes.count }

    mutating func append(_ entry: PackEntry, _ record: [UInt8]) {
        guard entries[entry.id] == nil else { return }
        var moved = entry
        moved.offset = UInt64(bytes.count)
        entries[entry.id] = moved
        bytes += record
    }

    func finish() -> ExportedPack {
        let sorted = entries.values.sorted { $0.id < $1.id }
        return ExportedPack(
            // By its bytes: a pack of this name that is there already, its index lost, is the very same.
            name: ObjectID.of(bytes), pack: bytes,
            index: PackIndex.encode(sorted, packLength: UInt64(bytes.count)), entries: sorted)
    }
}

extension PackWriter {
    /// Takes over an object from elsewhere as it is stored there, after checking it against its name.
    ///
    /// - Returns: false when the store has it already.
    /// - Throws: `MLError(.corrupt)` when the content does not match; `MLError(.io)`.
    @discardableResult
    public func importObject(
        id: ObjectID, kind: ObjectKind, codec: Codec, rawLength: UInt32, stored: [UInt8]
    ) throws -> Bool {
        if try has(id) { return false }
        let entry = PackEntry(
            id: id, kind: kind, codec: codec, offset: 0, storedLength: UInt32(stored.count), rawLength: rawLength)
        return try stored.withUnsafeBytes { bytes in
            _ = try StoredObject.verified(entry, stored: bytes, pack: "received")
            return try append(
                Record(id: id, kind: kind, codec: codec, stored: bytes, rawLength: Int(rawLength))) > 0
        }
    }

    /// The same from a whole record, as a ranged read of `entry.range` in a remote pack brings it.
    @discardableResult
    public func importRecord(_ entry: PackEntry, record: [UInt8], pack: String) throws -> Bool {
        if try has(entry.id) { return false }
        _ = try StoredObject.extract(entry, fromRecord: record, pack: pack)
        return try record.withUnsafeBytes { bytes in
            try append(
                Record(
                    id: entry.id, kind: entry.kind, codec: entry.codec,
                    stored: UnsafeRawBufferPointer(rebasing: bytes[PackFormat.recordHeaderLength...]),
                    rawLength: Int(entry.rawLength))) > 0
        }
    }
}
