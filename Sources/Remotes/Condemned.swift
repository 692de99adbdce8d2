import Base
import ObjectStore

/// What a collection has found unused on a remote, written down there before anything is deleted: `gc/<pack>-<seconds>`
/// lists the unused objects of one pack, an id a line, and the time it was found.
///
/// Pushers take a condemned object for absent and upload it again, so a collector may delete it after the grace period
/// without asking anybody.
struct Condemned {
    var pack: String
    var since: Int64
    var key: String { "gc/\(pack)-\(since)" }

    init(pack: String, since: Int64) {
        self.pack = pack
        self.since = since
    }

    /// Nil for a key of another kind.
    init?(key: String) {
        let parts = key.dropFirst("gc/".count).split(separator: "-")
        guard key.hasPrefix("gc/"), parts.count == 2, ObjectID(hex: parts[0]) != nil, let since = Int64(parts[1]) else {
            return nil
        }
        self.init(pack: String(parts[0]), since: since)
    }
}

extension PackRemote {
    /// All marks on the remote; usually none.
    func condemned() throws -> [Condemned] { try storage.list("gc/").compactMap { Condemned(key: $0) } }

    /// Condemned objects by pack.
    func condemnedObjects() throws -> [String: Set<ObjectID>] {
        var found: [String: Set<ObjectID>] = [:]
        let marks = try condemned()
        try storage.prepare(marks.map(\.key))
        for mark in marks {
            let text: [UInt8]
            do { text = try storage.get(mark.key, range: nil) } catch let error as MLError where error.code == .notFound
            {
                // Just taken back, or its pack just deleted.
                continue
            }
            for line in text.split(separator: 10) {
                guard let id = ObjectID(hex: String(decoding: line, as: UTF8.self)) else { continue }
                found[mark.pack, default: []].insert(id)
            }
        }
        return found
    }

    /// What a collection of the remote did, or would do.
    public struct Collection: Sendable {
        public var dropped = 0
        public var freedBytes: Int64 = 0
        /// Unused objects whose grace period is not over.
        public var waiting = 0
        public var waitingBytes: Int64 = 0
    }

    /// Deletes objects that no file in use consists of, once they have been unused for the grace period.
    ///
    /// First the unused objects of a pack are written down on the remote; a later run that still finds them unused copies
    /// the rest of the pack into a new one and deletes the old one, its index first.
    ///
    /// - Parameters:
    ///   - used: every file in use anywhere.
    ///   - now: seconds since 1970.
    ///   - grace: seconds.
    ///   - temporary: a folder for copies; removed afterwards.
    public func collect(
        keeping used: Set<ObjectID>, store: ObjectStore, now: Int64, grace: Int64, dryRun: Bool, temporary: String
    ) throws -> Collection {
        indexes = nil
        let indexes = try loadIndexes()
        let needed = try closure(of: used, store)
        let marks = Dictionary(grouping: try condemned(), by: \.pack)
        var result = Collection()
        var due: [String] = []
        for (pack, index) in indexes.sorted(by: { $0.key < $1.key }) {
            let unused = index.entries.filter { !needed.contains($0.id) }
            let known = marks[pack] ?? []
            if unused.isEmpty {
                if !dryRun { for mark in known { try storage.delete(mark.key) } }
                continue
            }
            let bytes = unused.reduce(Int64(0)) { $0 + Int64($1.storedLength) }
            let since = known.map(\.since).min() ?? now
            if known.isEmpty && !dryRun { try condemn(unused.map(\.id), pack, now, temporary) }
            if now - since >= grace {
                due.append(pack)
                result.dropped += unused.count
                result.freedBytes += bytes
            } else {
                result.waiting += unused.count
                result.waitingBytes += bytes
            }
        }
        if !dryRun && !due.isEmpty { try rewrite(due, keeping: needed, temporary) }
        if !dryRun {
            // Marks of packs that are gone.
            for (pack, orphans) in marks where indexes[pack] == nil {
                for mark in orphans { try storage.delete(mark.key) }
            }
        }
        return result
    }

    private func condemn(_ ids: [ObjectID], _ pack: String, _ now: Int64, _ temporary: String) throws {
        try Files.makeDirectories(temporary)
        defer { try? Files.remove(temporary) }
        let file = temporary + "/condemned"
        try Files.writeAtomically(ids.map { $0.hex + "\n" }.joined(), to: file)
        try storage.put([StorageItem(key: Condemned(pack: pack, since: now).key, file: file)])
    }

    /// All objects files consist of; recipes come from the local store or else from the remote.
    private func closure(of files: Set<ObjectID>, _ store: ObjectStore) throws -> Set<ObjectID> {
        var needed = files
        for file in files {
            if let recipe = try store.recipe(file) {
                needed.formUnion(recipe.parts.map(\.id))
            } else if let recipe = try remoteRecipe(file) {
                needed.formUnion(recipe.parts.map(\.id))
            }
        }
        return needed
    }

    private func remoteRecipe(_ file: ObjectID) throws -> Recipe? {
        for (pack, index) in try loadIndexes() {
            guard let entry = index.find(file), entry.kind == .recipe else { continue }
            let range = Int64(entry.range.lowerBound)..<Int64(entry.range.upperBound)
            let record = try storage.get("packs/\(pack).pack", range: range)
            return try Recipe(parsing: StoredObject.extract(entry, fromRecord: record, pack: pack), of: file)
        }
        return nil
    }

    /// Replaces packs by ones that hold only what is needed and lies in no other pack.
    private func rewrite(_ packs: [String], keeping needed: Set<ObjectID>, _ temporary: String) throws {
        let indexes = try loadIndexes()
        let others = indexes.filter { !packs.contains($0.key) }
        try Files.makeDirectories(temporary)
        defer { try? Files.remove(temporary) }
        let scratch = try ObjectStore(root: temporary + "/store")
        let writer = try scratch.makeWriter()
        var kept: [ObjectID] = []
        for pack in packs {
            let entries = (indexes[pack]?.entries ?? []).filter { entry in
                needed.contains(entry.id) && !others.values.contains { $0.contains(entry.id) }
            }
            for group in PackRemote.coalesce(entries) {
                guard let first = group.first, let last = group.last else { continue }
                let start = first.range.lowerBound
                let bytes = try storage.get("packs/\(pack).pack", range: Int64(start)..<Int64(last.range.upperBound))
                for entry in group {
                    let record = Int(entry.range.lowerBound - start)..<Int(entry.range.upperBound - start)
                    try writer.importRecord(entry, record: Array(bytes[record]), pack: "\(storage.name): \(pack)")
                    kept.append(entry.id)
                }
            }
        }
        try writer.finish()
        try scratch.exportPacks(of: kept, limit: PackRemote.packLimit) { try put($0, temporary) }
        // A pack whose index is gone is invisible; killed here, a later collection's listing shows the orphan.
        for pack in packs {
            try storage.delete("packs/\(pack).idx")
            try storage.delete("packs/\(pack).pack")
            for mark in try condemned() where mark.pack == pack { try storage.delete(mark.key) }
            try Files.remove("\(cache)/\(pack).idx")
        }
        self.indexes = nil
    }
}
