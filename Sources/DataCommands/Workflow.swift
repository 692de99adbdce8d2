import Base
import CommandKit
import DataKit
import ObjectStore
import Reports

/// Steps that several commands share.
enum Workflow {
    /// Whether the environment asks for pointers, in our words or in those of Git LFS.
    static var skipsSmudge: Bool {
        (environment("GIT_MLDATA_SKIP_SMUDGE") ?? environment("GIT_LFS_SKIP_SMUDGE")) == "1"
    }

    /// Fills pointers in the work tree.
    ///
    /// - Parameter restore: also bring back tracked files that were deleted from the work tree, which only a person
    ///   should ask for.
    /// - Parameter overridesWanted: whether `where` stands in place of what the configuration wants.
    /// - Throws: `MLError(.missingObject)` when some have no content anywhere; the others are filled first.
    static func fill(
        _ paths: [String], fetch: Bool, restore: Bool = false, overridesWanted: Bool = false, _ session: Session,
        where wanted: (PointerFile) -> Bool = { _ in true }
    ) throws -> Synchroniser.Outcome {
        try requireKnown(paths, session)
        let synchroniser = try Synchroniser(session.data)
        try synchroniser.sweep()
        // What is asked for by name is wanted, whatever the configuration says.
        let usual = session.data.wanted
        func isWanted(_ file: PointerFile) -> Bool {
            wanted(file) && (!paths.isEmpty || overridesWanted || usual.contains(file.path))
        }
        let (data, progress) = (session.data, session.ui.progress)
        let outcome = try synchroniser.complete(
            paths, restore: restore, progress: progress, where: isWanted,
            fetch: { if fetch { _ = try Downloader(data).fetch($0, into: $1, progress: progress) } })
        try requireAll(outcome, fetched: fetch)
        return outcome
    }

    /// - Throws: `MLError(.notFound)` for a path under which git knows no file: most likely mistyped.
    private static func requireKnown(_ paths: [String], _ session: Session) throws {
        if paths.allSatisfy(\.isEmpty) { return }
        let git = session.data.repository.git
        let answer = try git.start(["ls-files", "--error-unmatch", "--"] + paths.map { ":(top)" + $0 })
        if answer.status == 0 { return }
        let unknown = try paths.first { try git.run(["ls-files", "--", ":(top)" + $0]).output.isEmpty } ?? ""
        throw MLError(.notFound, "pathspec '\(unknown)' did not match any file known to git")
    }

    /// - Throws: `MLError(.missingObject)` naming the first file without content.
    static func requireAll(_ outcome: Synchroniser.Outcome, fetched: Bool) throws {
        guard let first = outcome.missing.first else { return }
        throw MLError(
            .missingObject,
            "content of '\(first.path)'\(outcome.missing.count > 1 ? " and \(outcome.missing.count - 1) more" : "") "
                + "(\(first.pointer.oid.short)) is not \(fetched ? "anywhere" : "in the local store")",
            hint: fetched
                ? "somebody who has it must push it: 'git mldata push --all'" : "fetch it with 'git mldata pull'")
    }

    /// Gives a fresh clone its hooks, and the notes and records that nobody asked git to bring.
    ///
    /// - Parameter hasRecords: whether git was asked for them when it cloned.
    static func welcome(_ data: DataRepository, hasRecords: Bool = false) throws {
        try Installation(scope: .local, repository: data.repository).install()
        if !hasRecords {
            guard let remote = try data.defaultGitRemote() else { return }
            _ = try data.repository.git.start(
                ["fetch", "--quiet", "--no-tags", remote] + Installation.refspecs(remote))
        }
        let fetched = ["refs/notes/remotes/*", "refs/mlrun/remotes/*"]
        if try fetched.allSatisfy({ try data.repository.references(matching: $0).isEmpty }) { return }
        let runs = Executable.sibling("git-mlrun")
        if runs.contains("/") {
            _ = try Subprocess([runs, "hook", "post-merge"], directory: data.repository.workTree).run()
        }
    }

    static func describe(_ outcome: Synchroniser.Outcome) -> String {
        if outcome.filled == 0 { return "All files are filled in." }
        return "Filled in \(Quantity.count(outcome.filled, "file")), \(Quantity.bytes(outcome.bytes))"
    }
}
