import Base
import GitKit
import ObjectStore
import Remotes

/// Frees the local store of what is not in use here and is proven to be stored elsewhere.
public struct GarbageCollector: Sendable {
    /// What a collection did, or would do.
    public struct Report: Sendable {
        /// Files in use.
        public var usedFiles = 0
        /// Objects that were dropped: chunks and recipes.
        public var dropped = 0
        public var freedBytes: Int64 = 0
        /// Objects nothing uses that no remote has: kept, since they exist nowhere else.
        public var unpushed = 0
        public var unpushedBytes: Int64 = 0
        /// Where the dropped objects can be had from; nil when there is no remote.
        public var remote: String?
        public var lostSharers: [String] = []
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// - Parameters:
    ///   - history: keep all versions that any commit uses; false keeps only those at the tips.
    ///   - unpushedOlderThan: also drop unused objects that exist nowhere else, from packs not written to for so many
    ///     seconds; nil keeps them all.
    ///   - dryRun: only say what would go.
    public func run(history: Bool, unpushedOlderThan: Int64?, dryRun: Bool) throws -> Report {
        let store = try data.openStore()
        let used = try UsedFiles(data, history: history)
        var report = Report()
        report.usedFiles = used.oids.count
        report.lostSharers = used.lostSharers
        // What is in use and only on the remote has no closure here.
        let kept = Set(try store.closure(of: used.oids.filter { try store.contains($0) || store.containsObject($0) }))
            .union(used.oids)
        let packs = try store.packSummaries()
        var unused: [(entry: PackEntry, pack: PackSummary)] = []
        for pack in packs {
            for entry in try store.entries(inPack: pack.name) where !kept.contains(entry.id) {
                unused.append((entry, pack))
            }
        }
        if unused.isEmpty { return report }
        let remote = try data.openRemote(gitRemote: nil)
        report.remote = remote?.name
        let ids = unused.map(\.entry.id)
        let lacking = Set(try remote?.unproven(ids, of: store) ?? ids)
        let limit = unpushedOlderThan.map { Timestamp.now().seconds - $0 }
        var dropped: Set<ObjectID> = []
        for (entry, pack) in unused {
            if !lacking.contains(entry.id) {
                dropped.insert(entry.id)
            } else if let limit, pack.modified.seconds <= limit {
                dropped.insert(entry.id)
            } else {
                report.unpushed += 1
                report.unpushedBytes += Int64(entry.storedLength)
            }
        }
        report.dropped = unused.filter { dropped.contains($0.entry.id) }.count
        report.freedBytes = unused.reduce(0) { $0 + (dropped.contains($1.entry.id) ? Int64($1.entry.storedLength) : 0) }
        if dryRun || dropped.isEmpty { return report }
        // Only packs seen above: one that was finished meanwhile holds what nobody has judged.
        report.freedBytes = try store.compact(packs: Set(packs.map(\.name))) { !dropped.contains($0.id) }.freedBytes
        return report
    }
}
