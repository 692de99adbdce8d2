import Base
import GitKit

/// Experiments as refs: `refs/mlrun/exps/NAME` for those that ran, `refs/mlrun/queue/NAME` for those that wait.
public struct ExperimentStore: Sendable {
    public static let prefix = "refs/mlrun/exps/"
    public static let queuePrefix = "refs/mlrun/queue/"

    private let repository: Repository

    public init(_ repository: Repository) { self.repository = repository }

    /// All that ran, newest first; of the same second by name.
    public func list() throws -> [Experiment] { try read(ExperimentStore.prefix) }

    /// All that wait, oldest first.
    public func queue() throws -> [Experiment] { try read(ExperimentStore.queuePrefix).reversed() }

    /// The experiment with a name, or with a commit that begins so (at least four digits).
    ///
    /// - Throws: `MLError(.notFound)`.
    public func find(_ name: String) throws -> Experiment {
        for prefix in [ExperimentStore.prefix, ExperimentStore.queuePrefix] {
            if let found = try experiment(prefix + name, name) { return found }
        }
        let all = try list() + queue()
        if name.count >= 4, let found = all.first(where: { $0.commit?.id.hex.hasPrefix(name) == true }) { return found }
        throw MLError(
            .notFound, "there is no experiment '\(name)'",
            hints: NearestName.hints(name, in: all.map(\.name)) + ["'git mlrun exp list' shows them"])
    }

    public func exists(_ name: String) -> Bool {
        repository.reference(ExperimentStore.prefix + name) != nil
            || repository.reference(ExperimentStore.queuePrefix + name) != nil
    }

    /// Writes the commit and the ref.
    ///
    /// - Parameter replacing: whether an experiment of this name may give way; its commit stays in the ref's log.
    /// - Throws: `MLError(.conflict)` when the name is taken.
    public func save(_ experiment: Experiment, tree: GitID, replacing: Bool = false) throws -> Experiment {
        try ExperimentStore.checkName(experiment.name)
        let prefix = experiment.state == .queued ? ExperimentStore.queuePrefix : ExperimentStore.prefix
        let id = try repository.writeCommit(tree: tree, parents: [experiment.base], message: experiment.message)
        let old = replacing ? repository.reference(prefix + experiment.name) : nil
        guard try repository.compareAndSwap(prefix + experiment.name, from: old, to: id, message: "exp: save") else {
            throw ExperimentStore.taken(experiment.name)
        }
        var saved = experiment
        saved.commit = try repository.commit(id.hex)
        return saved
    }

    /// Drops the refs; the commits stay in Git until it collects them.
    public func remove(_ experiments: [Experiment]) throws {
        let lines = experiments.map { "delete \(reference($0))\n" }.joined()
        if !experiments.isEmpty { try repository.git.run(["update-ref", "--stdin"], input: Array(lines.utf8)) }
    }

    /// - Throws: `MLError(.conflict)` when the new name is taken.
    public func rename(_ experiment: Experiment, to name: String, replacing: Bool) throws {
        try ExperimentStore.checkName(name)
        if exists(name) && !replacing { throw ExperimentStore.taken(name) }
        guard let commit = experiment.commit else { return }
        let prefix = experiment.state == .queued ? ExperimentStore.queuePrefix : ExperimentStore.prefix
        try repository.git.run(
            ["update-ref", "--stdin"],
            input: Array("update \(prefix)\(name) \(commit.id)\ndelete \(reference(experiment)) \(commit.id)\n".utf8))
    }

    public func reference(_ experiment: Experiment) -> String {
        (experiment.state == .queued ? ExperimentStore.queuePrefix : ExperimentStore.prefix) + experiment.name
    }

    /// A name nobody has, of two words.
    public func freeName() -> String {
        while true {
            let words = [ExperimentNames.first.randomElement(), ExperimentNames.second.randomElement()]
            let name = words.compactMap { $0 }.joined(separator: "-")
            if !exists(name) { return name }
            let numbered = "\(name)-\(Int.random(in: 2...9999))"
            if !exists(numbered) { return numbered }
        }
    }

    /// The refusal of a name that is in use.
    public static func taken(_ name: String) -> MLError {
        MLError(
            .conflict, "there is an experiment '\(name)' already",
            hint: "choose another name, or replace it with --force")
    }

    /// - Throws: `MLError(.usage)` for what Git does not take in the name of a ref.
    public static func checkName(_ name: String) throws {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F].contains(byte) || byte >= 0x80
        }
        if name.isEmpty || !isPlain || name.hasPrefix(".") || name.hasPrefix("-") || name.hasSuffix(".")
            || name.hasSuffix(".lock") || name.contains("..")
        {
            throw MLError(
                .usage, "'\(name)' cannot be the name of an experiment", hint: "use letters, digits, '-', '_' and '.'")
        }
    }

    /// The experiment a commit is; nil when it is not here, or none.
    public func read(_ id: GitID, name: String) -> Experiment? {
        guard let commit = try? repository.commit(id.hex), let message = try? repository.message(of: id) else {
            return nil
        }
        return Experiment(commit, message: message, name: name)
    }

    private func read(_ prefix: String) throws -> [Experiment] {
        try repository.references(matching: prefix + "*").compactMap {
            try experiment($0, String($0.dropFirst(prefix.count)))
        }.sorted { a, b in
            let (x, y) = (a.commit?.time ?? .now(), b.commit?.time ?? .now())
            return x == y ? a.name < b.name : x > y
        }
    }

    private func experiment(_ reference: String, _ name: String) throws -> Experiment? {
        guard let id = repository.reference(reference) else { return nil }
        return Experiment(try repository.commit(id.hex), message: try repository.message(of: id), name: name)
    }
}

extension RunRepository {
    public var experiments: ExperimentStore { ExperimentStore(repository) }
}

/// Words for the names of experiments nobody named.
enum ExperimentNames {
    static let first = [
        "amber", "brave", "brisk", "calm", "clear", "coral", "crisp", "dusky", "eager", "early", "fair", "fleet",
        "frosty",
        "gentle", "glad", "golden", "hazel", "honest", "ivory", "jolly", "keen", "late", "lively", "lucid", "mellow",
        "merry", "misty", "noble", "olive", "plain", "proud", "quick", "quiet", "rapid", "ruby", "silver", "steady",
        "sunny", "tidy", "vivid",
    ]
    static let second = [
        "alder", "aspen", "badger", "beech", "birch", "brook", "cedar", "crane", "creek", "delta", "dune", "eagle",
        "elm",
        "falcon", "fern", "finch", "fjord", "gull", "harbor", "hare", "heron", "hill", "ibis", "island", "lark",
        "linden",
        "lynx", "maple", "marsh", "meadow", "oak", "otter", "owl", "pine", "plover", "ridge", "river", "robin",
        "spruce",
        "willow",
    ]
}
