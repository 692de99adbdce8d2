import Base
import GitKit

/// Puts what an experiment changed into the work tree, and takes it back.
///
/// The state before is a commit under `refs/mlrun/applied`; each holds the one before as its second parent.
public struct ExperimentApply: Sendable {
    public static let reference = "refs/mlrun/applied"

    private let repository: Repository
    private let top: String

    public init(_ repository: Repository) throws {
        self.repository = repository
        top = try repository.requireWorkTree()
    }

    /// Writes the files that differ between the experiment and its base.
    ///
    /// - Parameter force: also over files that were changed here since; the change can be got back with `undo`.
    /// - Returns: the paths.
    /// - Throws: `MLError(.conflict)` naming a file that would be overwritten.
    public func apply(_ experiment: Experiment, force: Bool = false) throws -> [String] {
        guard let commit = experiment.commit else { return [] }
        let paths = try changes(from: experiment.base, to: commit.id)
        let before = try snapshot(paths)
        if !force {
            let base = try repository.commit(experiment.base.hex).tree
            for path in paths {
                let now = try repository.entry(inTree: before, at: path)
                let known = try [
                    repository.entry(inTree: base, at: path), repository.entry(inTree: commit.tree, at: path),
                ]
                guard known.contains(where: { $0?.id == now?.id }) else {
                    throw MLError(
                        .conflict, "'\(path)' was changed and would be overwritten",
                        hint: "commit it first, or use --force ('git mlrun exp apply --undo' brings it back)")
                }
            }
        }
        let previous = repository.reference(ExperimentApply.reference)
        let head = try repository.commit("HEAD").id
        let note = JSON.object(["experiment": .string(commit.id.hex), "paths": JSON(paths)]).compact()
        let saved = try repository.writeCommit(
            tree: before, parents: [head] + (previous.map { [$0] } ?? []),
            message: "mlrun: before applying \(experiment.name)\n\n\(note)")
        guard
            try repository.compareAndSwap(
                ExperimentApply.reference, from: previous, to: saved, message: "exp: apply \(experiment.name)")
        else { throw MLError(.conflict, "another 'exp apply' is under way") }
        try restore(paths, from: commit.id)
        return paths
    }

    /// Brings back what the files were before the last `apply`.
    ///
    /// - Returns: the paths.
    /// - Throws: `MLError(.notFound)` when nothing was applied, `MLError(.conflict)` when a file was changed since.
    public func undo(force: Bool = false) throws -> [String] {
        guard let tip = repository.reference(ExperimentApply.reference) else {
            throw MLError(.notFound, "no experiment was applied")
        }
        let saved = try repository.commit(tip.hex)
        let body = try repository.message(of: tip).split(separator: "\n").last.map(String.init) ?? ""
        let note = try JSON(parsing: body)
        let paths = note["paths"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if !force, let experiment = note["experiment"]?.stringValue, let applied = try? repository.commit(experiment) {
            let now = try snapshot(paths)
            for path in paths
            where try repository.entry(inTree: now, at: path)?.id
                != repository.entry(inTree: applied.tree, at: path)?.id
            {
                throw MLError(
                    .conflict, "'\(path)' was changed since the experiment was applied",
                    hint: "commit it first, or use --force")
            }
        }
        try restore(paths, from: saved.id)
        if saved.parents.count > 1 {
            _ = try repository.compareAndSwap(
                ExperimentApply.reference, from: tip, to: saved.parents[1], message: "exp: undo")
        } else {
            try repository.git.run(["update-ref", "-d", ExperimentApply.reference, tip.hex])
        }
        return paths
    }

    private func changes(from old: GitID, to new: GitID) throws -> [String] {
        try repository.git.run(["diff", "--name-only", "--no-renames", "-z", old.hex, new.hex]).output.split(
            separator: 0
        )
        .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The work tree's state of these paths, on top of HEAD.
    private func snapshot(_ paths: [String]) throws -> GitID {
        let index = Files.temporaryName(beside: repository.gitDirectory + "/mlrun/index")
        try Files.makeDirectories(Files.parent(of: index))
        defer { try? Files.remove(index) }
        let environment: [String: String?] = ["GIT_INDEX_FILE": index, "GIT_LITERAL_PATHSPECS": "1"]
        let git = repository.git
        try git.run(["read-tree", "HEAD"], environment: environment)
        for path in paths where !Files.exists(top + "/" + path) {
            try git.run(["rm", "--cached", "--quiet", "--ignore-unmatch", "--", path], environment: environment)
        }
        let present = paths.filter { Files.exists(top + "/" + $0) }
        if !present.isEmpty {
            let list = Array(present.joined(separator: "\0").utf8)
            try git.run(
                ["add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"], input: list,
                environment: environment)
        }
        guard let id = GitID(try git.run(["write-tree"], environment: environment).text.dropLast()) else {
            throw MLError(.failed, "git write-tree did not answer with an id")
        }
        return id
    }

    private func restore(_ paths: [String], from commit: GitID) throws {
        let tree = try repository.commit(commit.hex).tree
        var present: [String] = []
        for path in paths {
            if try repository.entry(inTree: tree, at: path) != nil {
                present.append(path)
            } else {
                try Files.remove(top + "/" + path)
            }
        }
        if present.isEmpty { return }
        try repository.git.run(
            [
                "restore", "--quiet", "--worktree", "--source=\(commit)", "--pathspec-from-file=-",
                "--pathspec-file-nul",
            ], input: Array(present.joined(separator: "\0").utf8), environment: ["GIT_LITERAL_PATHSPECS": "1"])
    }
}
