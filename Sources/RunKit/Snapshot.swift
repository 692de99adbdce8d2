import Base
import GitKit
import Pipelines
import Records

/// What a commit, or the work tree, says of its runs: params, and the metrics it can rightly claim.
public struct Snapshot: Sendable {
    /// `{file: {key: value}}`, flattened.
    public var params: JSONObject = [:]
    /// `{file: {key: value}}` of runs whose outputs are in this tree.
    public var metrics: JSONObject = [:]
    public var claims: [Claim] = []
    /// Runs of this tree's pipeline that took place later (`git mlrun run REV`), newest first.
    public var laterRuns: [RunRecord] = []
    /// What was recorded for this tree outside of pipelines.
    public var attached: RunRecord?
    /// Why the pipelines of this tree cannot be read; nil when they can.
    public var problem: MLError?

    /// Everything recorded: the runs of stages in their order, then what was recorded by hand.
    public var runs: [RunRecord] { claims.map(\.record) + laterRuns + (attached.map { [$0] } ?? []) }

    /// Seconds of all runs together; nil when there are none.
    public var duration: Double? { claims.isEmpty ? nil : claims.reduce(0) { $0 + $1.record.duration } }

    /// `{file: {key: value}}` of several runs.
    static func metrics(of records: [RunRecord]) -> JSONObject {
        var snapshot = Snapshot()
        for record in records { snapshot.takeMetrics(of: record) }
        return snapshot.metrics
    }

    mutating func takeMetrics(of record: RunRecord) {
        for (file, values) in record.metrics.pairs {
            // Without a file there is one list for all runs.
            var known = file.isEmpty ? metrics[file]?.objectValue ?? [:] : [:]
            for (key, value) in values.objectValue?.pairs ?? [] { known[key] = value }
            metrics[file] = .object(known)
        }
    }
}

extension RunRepository {
    /// The snapshot of a commit. A commit whose pipeline does not read has an empty one that says why.
    public func snapshot(of commit: Commit) throws -> Snapshot {
        let content = content(of: commit)
        var snapshot = Snapshot()
        do {
            snapshot = try self.snapshot(project(of: commit, content), content)
        } catch let error as MLError where error.code == .invalidInput || error.code == .notFound {
            snapshot.problem = error
        }
        let attachments = try records.attachments(toTree: commit.tree)
        var stages = Set(snapshot.claims.map(\.record.stage))
        for record in attachments where record.stage != Attachment.stage {
            // With other data than the commit's, a value is no value of the commit.
            if !record.replacedFiles.isEmpty {
                snapshot.laterRuns.append(record)
            } else if stages.insert(record.stage).inserted {
                snapshot.laterRuns.append(record)
                snapshot.takeMetrics(of: record)
            }
        }
        if let record = Attachment.joined(attachments.filter { $0.stage == Attachment.stage }) {
            snapshot.attached = record
            snapshot.takeMetrics(of: record)
        }
        return snapshot
    }

    /// The snapshot of the work tree.
    public func snapshotOfWorkTree() throws -> Snapshot {
        let cache = statCache()
        let content = try workTreeContent(cache)
        let project = try project(content)
        defer { cache.save() }
        return try snapshot(project, content)
    }

    private func snapshot(_ project: Project?, _ content: any ContentSource) throws -> Snapshot {
        var snapshot = Snapshot()
        snapshot.params = try ParamTable.values(project, content)
        snapshot.claims = try Claims.find(project?.stages ?? [], content: content, index: records)
        for claim in snapshot.claims { snapshot.takeMetrics(of: claim.record) }
        return snapshot
    }

    /// Writes the notes of commits from the records their trees claim.
    ///
    /// - Returns: how many commits have one.
    @discardableResult
    public func note(_ commits: [Commit]) throws -> Int {
        var texts: [(commit: GitID, text: String)] = []
        try adoptAttachments(commits)
        for commit in commits {
            let runs = try snapshot(of: commit).runs
            if !runs.isEmpty { texts.append((commit.id, Note.text(runs.filter(\.replacedFiles.isEmpty)))) }
        }
        try notes.add(texts)
        return texts.count
    }
}

/// Reads params as DVC lists them: `params.yaml` and whole files named at the top level, single keys of stages.
public enum ParamTable {
    /// `{file: {key: value}}`, flattened; a file that is not there is left out.
    ///
    /// - Parameters:
    ///   - project: nil where there are no pipelines.
    ///   - stagesOnly: only what stages depend on.
    public static func values(
        _ project: Project?, _ content: any ContentSource, stagesOnly: Bool = false
    ) throws -> JSONObject {
        var result = JSONObject()
        for path in stagesOnly ? [] : ["params.yaml"] + (project?.files.flatMap(\.params) ?? [])
        where result[path] == nil {
            guard let bytes = try content.read(path) else { continue }
            let leaves = Params.flatten(try Params.load(bytes, name: path)).map { ($0.key, $0.value) }
            result[path] = .object(JSONObject(leaves))
        }
        let reader = ParamReader(content: content)
        for stage in project?.stages ?? [] {
            guard let values = try? reader.values(of: stage) else { continue }
            for value in values {
                var file = result[value.file]?.objectValue ?? [:]
                for (key, leaf) in Params.flatten(value.value, prefix: value.key) where file[key] == nil {
                    file[key] = leaf
                }
                result[value.file] = .object(file)
            }
        }
        return result
    }
}

extension RunRepository {
    /// The gates that the stages of a commit declare; none where its pipelines cannot be read.
    public func gates(of commit: Commit) throws -> [MetricGate] {
        try project(of: commit, content(of: commit)).map(MetricGate.gates) ?? []
    }
}
