import Base
import CommandKit
import DataKit
import ObjectStore
import Reports

/// Steps that several commands share.
enum Workflow {
    /// Fills pointers in the work tree.
    ///
    /// - Throws: `MLError(.missingObject)` when some have no content anywhere; the others are filled first.
    static func fill(
        _ paths: [String], fetch: Bool, _ session: Session, where wanted: (PointerFile) -> Bool = { _ in true }
    ) throws -> Synchroniser.Outcome {
        let synchroniser = try Synchroniser(session.data)
        // What is asked for by name is wanted, whatever the configuration says.
        let usual = session.data.wanted
        let files = try synchroniser.candidates(paths).filter {
            wanted($0) && (!paths.isEmpty || usual.contains($0.path))
        }
        if fetch { _ = try Downloader(session.data).fetch(files.map(\.pointer), progress: session.ui.progress) }
        let outcome = try synchroniser.fill(files, progress: session.ui.progress)
        try requireAll(outcome, fetched: fetch)
        return outcome
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
    static func welcome(_ data: DataRepository) throws {
        try Installation(scope: .local, repository: data.repository).install()
        guard let remote = try data.defaultGitRemote() else { return }
        _ = try data.repository.git.start(["fetch", "--quiet", "--no-tags", remote] + Installation.refspecs(remote))
        let runs = Executable.sibling("git-mlrun")
        if runs.contains("/") {
            _ = try Subprocess([runs, "hook", "post-merge"], directory: data.repository.workTree).run()
        }
    }

    static func describe(_ outcome: Synchroniser.Outcome) -> String {
        if outcome.filled.isEmpty { return "All files are filled in." }
        return "Filled in \(Quantity.count(outcome.filled.count, "file")), \(Quantity.bytes(outcome.bytes))"
    }
}
