import Base
import GitKit
import Records
import RunKit

/// Reads commits with what was measured on them.
final class HistoryReader {
    private let session: RunSession
    private lazy var refs: [GitID: [String]] = readRefs()
    /// Commits whose pipelines cannot be read.
    private(set) var problems: [(id: GitID, error: MLError)] = []

    init(_ session: RunSession) { self.session = session }

    func entry(_ id: GitID) throws -> HistoryEntry { try read(id).entry }

    func read(_ id: GitID) throws -> (entry: HistoryEntry, snapshot: Snapshot) {
        let commit = try session.repository.commit(id.hex)
        let snapshot = try session.runs.snapshot(of: commit)
        if let problem = snapshot.problem { problems.append((id, problem)) }
        let entry = HistoryEntry(
            commit: commit.id.hex, tree: commit.tree.hex, subject: commit.subject, author: commit.author,
            date: commit.time, refs: refs[id] ?? [], duration: snapshot.duration,
            metrics: MetricNames.joined(snapshot.metrics), params: MetricNames.joined(snapshot.params))
        return (entry, snapshot)
    }

    func entries(_ ids: [GitID]) throws -> [HistoryEntry] { try ids.map(entry) }

    private func readRefs() -> [GitID: [String]] {
        var result: [GitID: [String]] = [:]
        for prefix in ["refs/heads/", "refs/tags/"] {
            for name in (try? session.repository.references(matching: prefix + "*")) ?? [] {
                guard let id = (try? session.repository.commit(name))?.id else { continue }
                result[id, default: []].append(String(name.dropFirst(prefix.count)))
            }
        }
        return result
    }
}
