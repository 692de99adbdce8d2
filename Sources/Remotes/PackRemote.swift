import Base
import ObjectStore

/// Packs and their indexes on a storage (`Documentation/formats/remote.md`).
///
/// `packs/NAME.pack` holds records, `packs/NAME.idx` says where each is. The index is put last and makes a pack
/// visible; indexes are kept locally, so asking what the remote has costs one listing.
public final class PackRemote: ContentRemote, @unchecked Sendable {
    /// The largest pack put on a remote, in bytes: small enough for any host's limit on one file.
    public static let packLimit = 32 << 20

    let storage: any Storage
    let cache: String
    private let sizeLimit: Int64?
    var indexes: [String: PackIndex]?

    /// - Parameters:
    ///   - cache: a local folder for copies of the remote's indexes.
    ///   - sizeLimit: refuse to let the packs grow beyond so many bytes; nil for no limit.
    public init(_ storage: any Storage, cache: String, sizeLimit: Int64?) {
        self.storage = storage
        self.cache = cache + "/" + String(ObjectID.of(storage.name).hex.prefix(16))
        self.sizeLimit = sizeLimit
    }

    public var name: String { storage.name }

    deinit { storage.close() }

    /// Which of these files the remote does not have, or will not have for long.
    public func lacking(_ files: [Pointer]) throws -> [ObjectID] { try lacking(files.map(\.oid)) }

    private func lacking(_ ids: [ObjectID]) throws -> [ObjectID] {
        let indexes = try loadIndexes()
        let condemned = try condemnedObjects()
        return ids.filter { id in
            !indexes.contains { name, index in index.contains(id) && condemned[name]?.contains(id) != true }
        }
    }

    /// As `lacking`, from the indexes seen last: no look at the remote.
    public func lackingWhenLastSeen(_ files: [Pointer]) throws -> [ObjectID] {
        let known = try cachedIndexes()
        return files.map(\.oid).filter { id in !known.values.contains { $0.contains(id) } }
    }

    /// No index lists them, or the pack behind the index is gone or has another length.
    public func unproven(_ ids: [ObjectID], of store: ObjectStore) throws -> [ObjectID] {
        indexes = nil
        let present = Set(try storage.list("packs/"))
        let indexes = try loadIndexes()
        var sound: [String: Bool] = [:]
        return try ids.filter { id in
            for (name, index) in indexes where index.contains(id) {
                let key = "packs/\(name).pack"
                let isSound =
                    try sound[name]
                    ?? (present.contains(key) && storage.size(of: key) == Int64(clamping: index.packLength))
                sound[name] = isSound
                if isSound { return false }
            }
            return true
        }
    }

    /// Uploads files and what they consist of, as far as the remote lacks it.
    ///
    /// - Parameter temporary: a folder for packs in the making; removed afterwards.
    public func push(
        _ files: [Pointer], from store: ObjectStore, temporary: String, progress: any ProgressReporter
    ) throws -> ContentTransfer {
        var transfer = ContentTransfer()
        // A collection of the remote may have condemned, meanwhile, what was found there: then once more.
        for _ in 0..<3 {
            let absent = try lacking(files)
            let objects = try lacking(store.closure(of: absent))
            if objects.isEmpty { break }
            try upload(objects, from: store, temporary: temporary, &transfer, progress)
        }
        return transfer
    }

    private func upload(
        _ objects: [ObjectID], from store: ObjectStore, temporary: String, _ transfer: inout ContentTransfer,
        _ progress: any ProgressReporter
    ) throws {
        try Files.makeDirectories(temporary)
        defer { try? Files.remove(temporary) }
        try Files.makeDirectories(cache)
        let total = try store.entries(for: objects).reduce(Int64(0)) { $0 + Int64($1.storedLength) }
        try refuseBeyondLimit(total)
        // One pack at a time: memory and disk stay small, and what is up stays up when the line is cut.
        try store.exportPacks(of: objects, limit: PackRemote.packLimit) { pack in
            try put(pack, temporary)
            transfer.objects += pack.entries.count
            transfer.packs += 1
            transfer.bytes += Int64(pack.pack.count)
            progress.report(
                "Uploading", completed: transfer.objects, total: objects.count, detail: "to \(storage.name)")
        }
        indexes = nil
    }

    /// Puts a pack, and then the index that makes it visible.
    func put(_ pack: ExportedPack, _ temporary: String) throws {
        // The same pack may be condemned: this one must not go with it.
        let marks = try condemned().filter { $0.pack == pack.name.hex }
        let name = marks.max { $0.since < $1.since }.map { ObjectID.of($0.key).hex } ?? pack.name.hex
        let items = ["pack", "idx"].map { StorageItem(key: "packs/\(name).\($0)", file: "\(temporary)/\(name).\($0)") }
        for (item, bytes) in zip(items, [pack.pack, pack.index]) { try Files.writeAtomically(bytes, to: item.file) }
        Trace.note("put packs/\(name) on \(storage.name): \(pack.entries.count) objects, \(pack.pack.count) bytes")
        try storage.put(items)
        try Files.writeAtomically(pack.index, to: "\(cache)/\(name).idx")
        for item in items { try Files.remove(item.file) }
    }

    /// Downloads files and what they consist of, as far as the store lacks it. Every object is checked by its hash.
    ///
    /// - Returns: what was moved, and the files that are not on the remote.
    public func fetch(
        _ files: [Pointer], into store: ObjectStore, progress: any ProgressReporter
    ) throws -> (transfer: ContentTransfer, missing: [ObjectID]) {
        var transfer = ContentTransfer()
        let wanted = try store.lacking(files.map(\.oid))
        if wanted.isEmpty { return (transfer, []) }
        let indexes = try loadIndexes()
        let writer = try store.makeWriter()
        // First the files themselves (recipes, or the only chunk), then the chunks the recipes name.
        try download(store.lackingObjects(wanted), indexes, writer, &transfer, progress)
        try writer.finish()
        let unknown = Set(try store.lackingObjects(wanted))
        let chunks = try store.lackingObjects(
            Set(store.lacking(wanted.filter { !unknown.contains($0) }).flatMap { try store.missingChunks(of: $0) }))
        if !chunks.isEmpty {
            let second = try store.makeWriter()
            try download(chunks.sorted(), indexes, second, &transfer, progress)
            try second.finish()
        }
        let missing = try store.lacking(wanted)
        return (transfer, missing)
    }

    private func download(
        _ ids: [ObjectID], _ indexes: [String: PackIndex], _ writer: PackWriter, _ transfer: inout ContentTransfer,
        _ progress: any ProgressReporter
    ) throws {
        var byPack: [String: [PackEntry]] = [:]
        for id in ids {
            for (pack, index) in indexes {
                guard let entry = index.find(id) else { continue }
                byPack[pack, default: []].append(entry)
                break
            }
        }
        try storage.prepare(byPack.keys.sorted().map { "packs/\($0).pack" })
        let ranges = byPack.sorted { $0.key < $1.key }.flatMap { pack, entries in
            PackRemote.coalesce(entries).map { (pack: pack, entries: $0) }
        }
        for (done, range) in ranges.enumerated() {
            guard let first = range.entries.first, let last = range.entries.last else { continue }
            let start = first.range.lowerBound
            let bytes = try storage.get(
                "packs/\(range.pack).pack", range: Int64(start)..<Int64(last.range.upperBound))
            Trace.note(
                "got \(range.entries.count) objects, \(bytes.count) bytes, of packs/\(range.pack) from \(storage.name)")
            for entry in range.entries {
                let record = Int(entry.range.lowerBound - start)..<Int(entry.range.upperBound - start)
                try writer.importRecord(entry, record: Array(bytes[record]), pack: "\(storage.name): \(range.pack)")
                transfer.objects += 1
            }
            transfer.bytes += Int64(bytes.count)
            progress.report("Downloading", completed: done + 1, total: ranges.count, detail: storage.name)
        }
        transfer.packs += byPack.count
    }

    /// Groups neighbouring records, so that one request brings many: gaps up to 64 KiB are read over, and no request
    /// is larger than 16 MiB.
    static func coalesce(_ entries: [PackEntry]) -> [[PackEntry]] {
        var groups: [[PackEntry]] = []
        for entry in entries.sorted(by: { $0.offset < $1.offset }) {
            if let group = groups.last, let first = group.first, let last = group.last,
                entry.range.lowerBound - last.range.upperBound <= 64 << 10,
                entry.range.upperBound - first.range.lowerBound <= 16 << 20
            {
                groups[groups.count - 1].append(entry)
            } else {
                groups.append([entry])
            }
        }
        return groups
    }

    private func refuseBeyondLimit(_ added: Int64) throws {
        guard let sizeLimit else { return }
        let present = try loadIndexes().values.reduce(Int64(0)) { $0 + Int64($1.packLength) }
        guard present + added > sizeLimit else { return }
        throw MLError(
            .failed,
            "data on \(storage.name) would grow to \((present + added) >> 20) MiB, over the limit of \(sizeLimit >> 20) MiB",
            hints: [
                "add a remote store for data: 'git mldata remote add --default NAME URL'",
                "or raise the limit: 'git config mldata.gitRemoteLimit 4g'",
            ])
    }

    /// The remote's indexes: one listing, then only those not seen before.
    func loadIndexes() throws -> [String: PackIndex] {
        if let indexes { return indexes }
        let names = try storage.list("packs/").filter { $0.hasSuffix(".idx") }
            .map { String($0.dropFirst("packs/".count).dropLast(".idx".count)) }
            .filter { ObjectID(hex: $0) != nil }
        var found = try cachedIndexes().filter { names.contains($0.key) }
        let new = names.filter { found[$0] == nil }
        try storage.prepare(new.map { "packs/\($0).idx" })
        if !new.isEmpty { try Files.makeDirectories(cache) }
        for name in new {
            let bytes = try storage.get("packs/\(name).idx", range: nil)
            let index = try PackIndex(parsing: bytes, name: "\(storage.name): packs/\(name).idx")
            guard index.hasValidChecksum else {
                throw MLError(.corrupt, "index 'packs/\(name).idx' of \(storage.name) is corrupt")
            }
            try Files.writeAtomically(bytes, to: "\(cache)/\(name).idx")
            found[name] = index
        }
        // A pack that a collection removed must not be looked for again.
        for name in try cachedIndexes().keys where !names.contains(name) { try Files.remove("\(cache)/\(name).idx") }
        indexes = found
        return found
    }

    private func cachedIndexes() throws -> [String: PackIndex] {
        var found: [String: PackIndex] = [:]
        for file in try Files.list(cache) where file.hasSuffix(".idx") {
            let path = cache + "/" + file
            guard let index = try? PackIndex(parsing: Files.read(path), name: path), index.hasValidChecksum else {
                try Files.remove(path)
                continue
            }
            found[String(file.dropLast(".idx".count))] = index
        }
        return found
    }
}
