import Base
import GitKit
import Pipelines
import Records

/// Run records in a ref of their own, keyed by stage key (`Documentation/formats/records.md`).
///
/// The tree of `refs/mlrun/records` holds `aa/bbbb…` for the key `aabbbb…`: one JSON line for each run. Since the key
/// comes from content, amend, rebase, squash and a host's merge button cannot lose a record. Readers see the union of
/// the local ref and of what was fetched; every write builds a commit and swaps the ref, again if somebody was faster.
public final class RecordStore: RecordLookup, RecordSink, RecordIndex, @unchecked Sendable {
    public static let reference = "refs/mlrun/records"

    private let repository: Repository
    private let isObtainable: @Sendable (ObjectID) throws -> Bool
    private let mutex = Mutex()
    private var pendingLogs: [ObjectID: [UInt8]] = [:]
    private var everything: [RunRecord]?

    /// - Parameter isObtainable: whether content of this id can be put into the work tree.
    public init(_ repository: Repository, isObtainable: @escaping @Sendable (ObjectID) throws -> Bool) {
        self.repository = repository
        self.isObtainable = isObtainable
    }

    public func has(_ id: ObjectID) throws -> Bool { try isObtainable(id) }

    public func records(forKey key: ObjectID) throws -> [RunRecord] {
        let blobs = try trees().compactMap { try repository.entry(inTree: $0, at: RecordStore.path(key)) }
        return try read(Set(blobs.map(\.id)))
    }

    public func records(stage address: String) throws -> [RunRecord] { try all().filter { $0.stage == address } }

    public func latestRecord(stage address: String) throws -> RunRecord? { try all().first { $0.stage == address } }

    /// Every record there is, newest first.
    public func all() throws -> [RunRecord] {
        if let everything = mutex.withLock({ everything }) { return everything }
        var blobs: Set<GitID> = []
        for tree in try trees() {
            for entry in try repository.files(inTree: tree) where !entry.path.hasPrefix("logs/") {
                blobs.insert(entry.id)
            }
        }
        let records = try read(blobs)
        mutex.withLock { everything = records }
        return records
    }

    /// The kept output of a run's commands; nil when it is not here.
    public func log(_ id: ObjectID) throws -> [UInt8]? {
        for tree in try trees() {
            if let entry = try repository.entry(inTree: tree, at: "logs/" + RecordStore.path(id)) {
                return try repository.readBlob(entry.id)
            }
        }
        return nil
    }

    /// Keeps a log until the record that names it is appended: both go into one commit.
    public func store(log: [UInt8]) throws -> ObjectID? {
        let text = RecordStore.withoutRedraws(log)
        if text.isEmpty { return nil }
        let id = ObjectID.of(text)
        mutex.withLock { pendingLogs[id] = text }
        return id
    }

    public func append(_ record: RunRecord) throws {
        let logs = mutex.withLock { () -> [ObjectID: [UInt8]] in
            defer { pendingLogs = [:] }
            everything = nil
            return pendingLogs
        }
        var changes: [(path: String, blob: GitID?)] = []
        for (id, text) in logs { changes.append(("logs/" + RecordStore.path(id), try repository.writeBlob(text))) }
        let path = RecordStore.path(record.key)
        try repository.updateTree(ofRef: RecordStore.reference, message: "mlrun: \(record.stage)") { tree in
            let present = try tree.flatMap { try repository.entry(inTree: $0, at: path) }.map {
                try repository.readBlob($0.id)
            }
            let lines = LineUnion.merge([present ?? [], Array(record.line.utf8)])
            return try repository.writeTree(updating: tree, changes + [(path, try repository.writeBlob(lines))])
        }
    }

    private func read(_ blobs: Set<GitID>) throws -> [RunRecord] {
        let text = LineUnion.merge(try blobs.map { try repository.readBlob($0) })
        return RecordLines.parse(text).records.reversed()
    }

    /// The local ref and what was fetched from each remote.
    private func trees() throws -> [GitID] {
        let names = try [RecordStore.reference] + repository.references(matching: "refs/mlrun/remotes/*")
        return try Set(names.compactMap { repository.reference($0) }).map { try repository.commit($0.hex).tree }
    }

    private static func path(_ key: ObjectID) -> String { key.hex.prefix(2) + "/" + key.hex.dropFirst(2) }

    /// A log is read later, so progress lines that overwrote each other are reduced to the last of each.
    private static func withoutRedraws(_ log: [UInt8]) -> [UInt8] {
        let erase = Array("\u{1b}[K".utf8)
        let lines = log.split(separator: 10, omittingEmptySubsequences: false).map { line -> ArraySlice<UInt8> in
            let visible = line.split(separator: 13).last ?? []
            return visible.starts(with: erase) ? visible.dropFirst(erase.count) : visible
        }
        return Array(lines.joined(separator: [10]))
    }
}
