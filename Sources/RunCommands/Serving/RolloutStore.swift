import Base
import GitKit
import Serving

/// The rollouts of a deployment, in a ref beside it: a chain of commits that hold `rollout.json`, each with the one before and
/// the commit that came as parents. So it can be pushed, and its log is the history.
struct RolloutStore {
    let repository: Repository
    /// The deployment's ref.
    let deployment: String

    private static let file = "rollout.json"

    var reference: String { "refs/mlrun/rollouts/" + deployment.dropFirst("refs/".count) }

    /// The last one, running or not, with the commit that says so.
    func read() throws -> (id: GitID, plan: RolloutPlan)? {
        guard let id = repository.reference(reference) else { return nil }
        return (id, try plan(id))
    }

    func plan(_ id: GitID) throws -> RolloutPlan {
        guard let entry = try repository.entry(inTree: repository.commit(id.hex).tree, at: RolloutStore.file) else {
            throw MLError(.invalidInput, "'\(reference)' holds no rollout")
        }
        return try RolloutPlan(JSON(parsing: repository.readBlob(entry.id)))
    }

    /// - Returns: false when somebody else was faster.
    @discardableResult
    func write(_ plan: RolloutPlan, after old: GitID?) throws -> Bool {
        guard let commit = GitID(plan.commit) else { throw MLError(.invalidInput, "'\(plan.commit)' is no commit") }
        let tree = try repository.writeTree(
            updating: nil,
            [(RolloutStore.file, try repository.writeBlob(Array((plan.json.pretty() + "\n").utf8)))])
        let words = "\(plan.strategy.rawValue) \(plan.commit.prefix(10)): \(plan.reason ?? plan.state.rawValue)"
        let id = try repository.writeCommit(tree: tree, parents: [old, commit].compactMap { $0 }, message: words)
        return try repository.compareAndSwap(reference, from: old, to: id, message: words)
    }

    /// All of them, newest first.
    func log() throws -> [(plan: RolloutPlan, time: Timestamp, who: String)] {
        guard repository.reference(reference) != nil else { return [] }
        let text = try repository.git.run(["log", "--first-parent", "--format=%H%x00%ct%x00%cn", reference, "--"]).text
        return try text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3, let id = GitID(fields[0]), let seconds = Int64(fields[1]),
                try repository.entry(inTree: repository.commit(fields[0]).tree, at: RolloutStore.file) != nil
            else { return nil }
            return (try plan(id), Timestamp(seconds: seconds), fields[2])
        }
    }
}
