import Base

extension ObjectStore {
    /// What a compaction did.
    public struct CompactionResult: Hashable, Sendable {
        /// Objects that are gone because nobody wanted them.
        public var dropped = 0
        /// Objects that were damaged; they are gone too and can be fetched again.
        public var damaged: [ObjectID] = []
        /// Bytes by which the packs shrank.
        public var freedBytes: Int64 = 0
    }

    /// Rewrites packs with only the objects wanted; a pack that has nothing to lose stays as it is.
    ///
    /// - Parameters:
    ///   - packs: the names to look at (a caller leaves out young ones, whose files may not be in the index yet); nil
    ///   for all.
    ///   - merge: also join all packs looked at into one.
    ///   - repair: also read every object, and leave out those that are damaged; and make damaged indexes anew.
    ///   - isWanted: whether an object stays. The caller must know of every file in use.
    public func compact(
        packs names: Set<String>? = nil, merge: Bool = false, repair: Bool = false,
        keeping isWanted: (PackEntry) -> Bool
    ) throws -> CompactionResult {
        if repair { try removeDamagedIndexes() }
        try refresh()
        var result = CompactionResult()
        var replaced: [Pack] = []
        var touched: [String: Files.Status] = [:]
        let writer = try makeWriter()
        for pack in try allPacks() where names?.contains(pack.name) ?? true {
            let kept = pack.index.entries.filter(isWanted)
            guard kept.count < pack.index.count || merge || (repair && !isSound(pack)) else { continue }
            replaced.append(pack)
            touched[pack.name] = Files.status(pack.path)
            result.dropped += pack.index.count - kept.count
            result.freedBytes += Int64(clamping: pack.index.packLength)
            for entry in kept {
                do {
                    let record = try pack.record(entry)
                    _ = try StoredObject.extract(entry, fromRecord: record, pack: pack.name)
                    try record.withUnsafeBytes { bytes in
                        _ = try writer.append(
                            PackWriter.Record(
                                id: entry.id, kind: entry.kind, codec: entry.codec,
                                stored: UnsafeRawBufferPointer(rebasing: bytes[PackFormat.recordHeaderLength...]),
                                rawLength: Int(entry.rawLength)))
                    }
                } catch let error as MLError where [.corrupt, .notFound].contains(error.code) {
                    result.damaged.append(entry.id)
                }
            }
        }
        result.freedBytes -= Int64(clamping: writer.packLength)
        let written = try writer.finish(replacing: Set(replaced.map(\.name)))
        let gone = replaced.filter { $0.name != written?.hex }
        for pack in gone {
            // A writer that found something to use again in the pack has touched it: it stays for the next time.
            guard let before = touched[pack.name], Files.status(pack.path)?.modifiedSeconds == before.modifiedSeconds
            else {
                continue
            }
            try remove(pack)
        }
        forget(Set(gone.map(\.name)))
        return result
    }

    /// Whether every object of the pack can be read.
    private func isSound(_ pack: Pack) -> Bool {
        let entries = pack.index.entries
        let sound = try? parallelMap(count: entries.count) { (try? pack.read(entries[$0])) != nil }
        return sound?.allSatisfy { $0 } ?? false
    }

    /// Deletes a pack under its lock, so that nobody takes it for one whose writer died before the index.
    private func remove(_ pack: Pack) throws {
        let file = try? FileHandle(updating: pack.path)
        _ = try file?.lock(wait: true)
        try Files.remove("\(packsFolder)/\(pack.name).idx")
        try Files.remove(pack.path)
    }
}
