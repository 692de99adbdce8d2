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
    private var takenSteps: [String: JSONObject] = [:]
    private var packageText: String?
    private var fetchedTrees: [GitID]?
    private let listPackages: @Sendable () -> String
    private let stages: StageIndex

    /// - Parameters:
    ///   - packages: lists the versions of packages, a line each; empty for none.
    ///   - isObtainable: whether content of this id can be put into the work tree.
    public init(
        _ repository: Repository, packages: @escaping @Sendable () -> String = { "" },
        isObtainable: @escaping @Sendable (ObjectID) throws -> Bool
    ) {
        self.repository = repository
        listPackages = packages
        stages = StageIndex(repository)
        self.isObtainable = isObtainable
    }

    public func takeRecordedMetrics(stage address: String) throws -> JSONObject {
        let values = try RecordedFile(repository).take(stage: address)
        mutex.withLock { takenSteps[address] = values.steps.isEmpty ? nil : values.steps }
        return values.metrics
    }

    /// What was recorded for commits with this tree, outside of pipelines, as one record; nil when nothing was.
    public func attached(toTree tree: GitID) throws -> RunRecord? {
        Attachment.joined(try attachments(toTree: tree).filter { $0.stage == Attachment.stage })
    }

    /// Runs of stages that took place for commits with this tree, newest first.
    public func attachedRuns(toTree tree: GitID) throws -> [RunRecord] {
        try attachments(toTree: tree).filter { $0.stage != Attachment.stage }
    }

    /// The same one by one, newest first.
    public func attachments(toTree tree: GitID) throws -> [RunRecord] {
        let path = RecordStore.attachmentPath(Attachment.key(tree: tree.hex))
        return try read(Set(trees().compactMap { try repository.entry(inTree: $0, at: path)?.id }))
    }

    /// Everything recorded outside of pipelines, newest first.
    public func attachments() throws -> [RunRecord] {
        try read(Set(trees().flatMap { try repository.files(inTree: $0, under: "attached").map(\.id) }))
    }

    public func has(_ id: ObjectID) throws -> Bool { try isObtainable(id) }

    public func records(forKey key: ObjectID) throws -> [RunRecord] {
        let blobs = try trees().compactMap { try repository.entry(inTree: $0, at: RecordStore.path(key)) }
        return try read(Set(blobs.map(\.id)))
    }

    public func records(stage address: String) throws -> [RunRecord] {
        try records(stage: address) { $0 }
    }

    public func latestRecord(stage address: String) throws -> RunRecord? {
        // Only blobs of the newest second can hold it.
        try records(stage: address) { paths in
            let last = paths.map(\.time).max()
            return paths.filter { $0.time == last }
        }.first
    }

    private func records(
        stage address: String, _ choose: ([(time: String, path: String)]) -> [(time: String, path: String)]
    ) throws -> [RunRecord] {
        let trees = try trees()
        let found = try trees.map { ($0, try stages.paths(ofStage: address, inTree: $0)) }
        var blobs: Set<GitID> = []
        for (tree, paths) in found {
            for (_, path) in choose(paths) {
                if let entry = try repository.entry(inTree: tree, at: path) { blobs.insert(entry.id) }
            }
        }
        return try read(blobs).filter { $0.stage == address }
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

    public func append(_ record: RunRecord) throws { try append([record]) }

    /// Adds records, all in one step.
    public func append(_ records: [RunRecord]) throws {
        if records.isEmpty { return }
        let records = try records.map(described)
        let logs = mutex.withLock { () -> [ObjectID: [UInt8]] in
            defer { pendingLogs = [:] }
            return pendingLogs
        }
        let subject = records.count == 1 ? records[0].stage : "\(records.count) runs"
        try change(
            adding: Dictionary(grouping: records, by: RecordStore.path).mapValues { $0.map(\.line) }, logs: logs,
            message: "mlrun: \(subject)")
    }

    /// Keeps a text without a record: the log of a run that failed.
    public func keep(log: [UInt8]) throws -> ObjectID? {
        let text = RecordStore.withoutRedraws(log)
        if text.isEmpty { return nil }
        let id = ObjectID.of(text)
        try change(adding: [:], logs: [id: text], message: "mlrun: log of a failed run")
        return id
    }

    /// Takes records back: a tombstone stands for each, so that they stay gone when others join theirs.
    public func remove(_ records: [RunRecord]) throws {
        let lines = Dictionary(grouping: records, by: RecordStore.path).mapValues {
            $0.map { LineUnion.tombstone(for: $0.line) }
        }
        try change(adding: lines, logs: [:], message: "mlrun: remove \(records.count == 1 ? "a run" : "runs")")
    }

    private func change(adding lines: [String: [String]], logs: [ObjectID: [UInt8]], message: String) throws {
        var fixed: [(path: String, blob: GitID?)] = []
        for (id, text) in logs { fixed.append(("logs/" + RecordStore.path(id), try repository.writeBlob(text))) }
        try repository.updateTree(ofRef: RecordStore.reference, message: message) { tree in
            var changes = fixed
            for (path, lines) in lines {
                let present = try tree.flatMap { try repository.entry(inTree: $0, at: path) }.map {
                    try repository.readBlob($0.id)
                }
                let joined = LineUnion.merge([present ?? [], Array(lines.joined(separator: "\n").utf8)])
                changes.append((path, try repository.writeBlob(joined)))
            }
            return try repository.writeTree(updating: tree, changes)
        }
    }

    /// The record with what only this place knows: steps its commands handed over, and the patch of a dirty tree.
    private func described(_ record: RunRecord) throws -> RunRecord {
        var record = record
        let steps = mutex.withLock { takenSteps.removeValue(forKey: record.stage) }
        if let steps, record.steps.isEmpty { record.steps = steps }
        if record.context.isDirty, record.unknown["patch"] == nil, let patch = try dirtyPatch() {
            record.unknown["patch"] = .string(patch.hex)
        }
        if record.unknown["packages"] == nil, let text = packages() {
            let id = ObjectID.of(text)
            mutex.withLock { pendingLogs[id] = Array(text.utf8) }
            record.unknown["packages"] = .string(id.hex)
        }
        return record
    }

    /// What the work tree differs in from HEAD, kept beside the logs; nil when that is nothing or more than 1 MiB.
    private func dirtyPatch() throws -> ObjectID? {
        guard repository.workTree != nil else { return nil }
        let patch = try repository.git.start(["diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD"])
        guard patch.status == 0, !patch.output.isEmpty, patch.output.count <= 1 << 20 else { return nil }
        let id = ObjectID.of(patch.output)
        mutex.withLock { pendingLogs[id] = patch.output }
        return id
    }

    /// The versions of the packages that programs of this run could see; asked once.
    private func packages() -> String? {
        mutex.withLock {
            if let packageText { return packageText.isEmpty ? nil : packageText }
            let text = listPackages()
            packageText = text
            return text.isEmpty ? nil : text
        }
    }

    private func read(_ blobs: Set<GitID>) throws -> [RunRecord] {
        let text = LineUnion.merge(try blobs.map { try repository.readBlob($0) })
        return RecordLines.parse(text).records.reversed()
    }

    /// The local ref and what was fetched from each remote.
    private func trees() throws -> [GitID] {
        // Nothing is fetched while we run; listing refs for every look-up would cost more than the look-up.
        let fetched = try mutex.withLock {
            if let fetchedTrees { return fetchedTrees }
            let names = try repository.references(matching: "refs/mlrun/remotes/*")
            let trees = try names.compactMap { repository.reference($0) }.map { try repository.commit($0.hex).tree }
            fetchedTrees = trees
            return trees
        }
        let own = try repository.reference(RecordStore.reference).map { try repository.commit($0.hex).tree }
        return Array(Set(fetched + (own.map { [$0] } ?? [])))
    }

    private static func path(_ record: RunRecord) -> String {
        record.tree.map { attachmentPath(Attachment.key(tree: $0)) } ?? path(record.key)
    }

    private static func attachmentPath(_ key: ObjectID) -> String { "attached/" + path(key) }

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
