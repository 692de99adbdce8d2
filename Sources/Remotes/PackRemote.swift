import Base
import ObjectStore

/// Packs and their indexes on a storage (`Documentation/formats/remote.md`).
///
/// `packs/NAME.pack` holds records, `packs/NAME.idx` says where each is. The index is put last and makes a pack
/// visible; indexes are kept locally, so asking what the remote has costs one listing.
public final class PackRemote: ContentRemote, @unchecked Sendable {
    /// The largest pack put on a remote, in bytes: small enough for any host's limit on one file.
    public static let packLimit = 32 << 20

    /// Transfers at once where nobody says otherwise: enough to hide a round trip, few enough to stay small in memory.
    public static let usualTransfers = 4
    /// The longest stretch of a pack that one request brings, in bytes.
    static let requestLimit: UInt64 = 8 << 20

    let storage: any Storage
    let cache: String
    private let sizeLimit: Int64?
    private let transfers: Int
    var indexes: [String: PackIndex]?

    /// - Parameters:
    ///   - cache: a local folder for copies of the remote's indexes.
    ///   - sizeLimit: refuse to let the packs grow beyond so many bytes; nil for no limit.
    ///   - transfers: how many packs, or parts of packs, are on their way at once.
    public init(
        _ storage: any Storage, cache: String, sizeLimit: Int64?, transfers: Int = PackRemote.usualTransfers
    ) {
        self.storage = storage
        self.cache = cache + "/" + String(ObjectID.of(storage.name).hex.prefix(16))
        self.sizeLimit = sizeLimit
        self.transfers = min(transfers, storage.usefulTransfers)
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
        let monitor = TransferMonitor(
            "Uploading", store: storage.name, objects: objects.count, bytes: total, progress)
        defer { monitor.finish() }
        let marks = try condemned()
        let queue = TransferQueue(workers: transfers)
        // A file in the making must not vanish below a transfer that still reads it.
        defer { try? queue.finish() }
        // A few packs at a time: memory and disk stay small, and what is up stays up when the line is cut.
        try store.exportPacks(of: objects, limit: PackRemote.packLimit) { pack in
            let items = try write(pack, marks, temporary)
            let (count, bytes) = (pack.entries.count, Int64(pack.pack.count))
            try queue.add { [self] in
                try put(items)
                monitor.add(objects: count, bytes: bytes)
            }
            transfer.objects += count
            transfer.packs += 1
            transfer.bytes += bytes
        }
        try queue.finish()
        indexes = nil
    }

    /// Puts a pack, and then the index that makes it visible.
    func put(_ pack: ExportedPack, _ temporary: String) throws { try put(write(pack, condemned(), temporary)) }

    /// Writes a pack and its index to files, ready for `put`.
    private func write(_ pack: ExportedPack, _ marks: [Condemned], _ temporary: String) throws -> [StorageItem] {
        // The same pack may be condemned: this one must not go with it.
        let condemned = marks.filter { $0.pack == pack.name.hex }
        let name = condemned.max { $0.since < $1.since }.map { ObjectID.of($0.key).hex } ?? pack.name.hex
        let items = [("pack", pack.name), ("idx", ObjectID.of(pack.index))].map { ending, digest in
            StorageItem(key: "packs/\(name).\(ending)", file: "\(temporary)/\(name).\(ending)", digest: digest)
        }
        // Only to be sent: nobody needs these files after a crash, so nobody waits for the disk.
        for (item, bytes) in zip(items, [pack.pack, pack.index]) {
            try Files.remove(item.file)
            let file = try FileHandle(creating: item.file)
            try file.writeAll(bytes)
            try file.close()
        }
        Trace.note("packs/\(name) for \(storage.name): \(pack.entries.count) objects, \(pack.pack.count) bytes")
        return items
    }

    private func put(_ items: [StorageItem]) throws {
        try storage.put(items)
        for item in items where item.key.hasSuffix(".idx") {
            try Files.copy(item.file, to: cache + "/" + Files.lastComponent(of: item.key))
        }
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
        var packs: Set<String> = []
        try download(store.lackingObjects(wanted), indexes, writer, &transfer, &packs, progress)
        try writer.finish()
        let unknown = Set(try store.lackingObjects(wanted))
        // In the order of the files: whoever writes them meanwhile finds the beginning first.
        var seen: Set<ObjectID> = []
        let chunks = try store.lackingObjects(
            store.lacking(wanted.filter { !unknown.contains($0) }).flatMap { try store.missingChunks(of: $0) }
                .filter { seen.insert($0).inserted })
        if !chunks.isEmpty {
            let second = try store.makeWriter()
            try download(chunks, indexes, second, &transfer, &packs, progress)
            try second.finish()
        }
        transfer.packs = packs.count
        let missing = try store.lacking(wanted)
        return (transfer, missing)
    }

    private func download(
        _ ids: [ObjectID], _ indexes: [String: PackIndex], _ writer: PackWriter, _ transfer: inout ContentTransfer,
        _ packs: inout Set<String>, _ progress: any ProgressReporter
    ) throws {
        var byPack: [String: [PackEntry]] = [:]
        // Packs in the order in which they are needed.
        var order: [String] = []
        for id in ids {
            // The next object is most likely in the same pack.
            let near = order.last.flatMap { pack in indexes[pack]?.find(id).map { (pack, $0) } }
            guard
                let (pack, entry) = near
                    ?? indexes.lazy.compactMap({ pack, index in index.find(id).map { (pack, $0) } }).first
            else { continue }
            if byPack[pack] == nil { order.append(pack) }
            byPack[pack, default: []].append(entry)
        }
        let storage = storage
        try storage.prepare(byPack.keys.sorted().map { "packs/\($0).pack" })
        let requests = order.flatMap { pack in
            PackRemote.coalesce(byPack[pack] ?? []).map { PackRequest(pack: pack, entries: $0) }
        }
        let total = requests.reduce(Int64(0)) { $0 + $1.range.upperBound - $1.range.lowerBound }
        let monitor = TransferMonitor(
            "Downloading", store: storage.name, objects: requests.reduce(0) { $0 + $1.entries.count }, bytes: total,
            progress)
        defer { monitor.finish() }
        let queue = TransferQueue(workers: transfers)
        defer { try? queue.finish() }
        for request in requests {
            try queue.add {
                try request.run(storage, writer)
                monitor.add(
                    objects: request.entries.count, bytes: request.range.upperBound - request.range.lowerBound)
            }
        }
        try queue.finish()
        packs.formUnion(byPack.keys)
        transfer.objects += requests.reduce(0) { $0 + $1.entries.count }
        transfer.bytes += total
    }

    /// Groups neighbouring records, so that one request brings many: gaps up to 64 KiB are read over, and no request
    /// is larger than `requestLimit`.
    static func coalesce(_ entries: [PackEntry]) -> [[PackEntry]] {
        var groups: [[PackEntry]] = []
        for entry in entries.sorted(by: { $0.offset < $1.offset }) {
            if let group = groups.last, let first = group.first, let last = group.last,
                entry.range.lowerBound - last.range.upperBound <= 64 << 10,
                entry.range.upperBound - first.range.lowerBound <= requestLimit
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

/// Neighbouring records of one pack that are brought together.
private struct PackRequest: Sendable {
    var pack: String
    /// In the order of their offsets; never empty.
    var entries: [PackEntry]

    var range: Range<Int64> {
        guard let first = entries.first, let last = entries.last else { return 0..<0 }
        return Int64(first.range.lowerBound)..<Int64(last.range.upperBound)
    }

    /// Brings the records and hands each to the writer, which checks it by its hash; once more when bytes changed on their way.
    func run(_ storage: any Storage, _ writer: PackWriter) throws {
        do { try bring(storage, writer) } catch let error as MLError where error.code == .corrupt {
            Trace.note("again, after: \(error)")
            try bring(storage, writer)
        }
    }

    private func bring(_ storage: any Storage, _ writer: PackWriter) throws {
        let bytes = try storage.get("packs/\(pack).pack", range: range)
        Trace.note("got \(entries.count) objects, \(bytes.count) bytes, of packs/\(pack) from \(storage.name)")
        for entry in entries {
            let start = Int(entry.range.lowerBound) - Int(range.lowerBound)
            let record = Array(bytes[start..<start + entry.range.count])
            try writer.importRecord(entry, record: record, pack: "\(storage.name): \(pack)")
        }
    }
}
