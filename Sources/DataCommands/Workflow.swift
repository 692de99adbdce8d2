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
        let files = try synchroniser.candidates(paths).filter(wanted)
        if fetch { _ = try Downloader(session.data).fetch(files.map(\.pointer), progress: session.ui.progress) }
        let outcome = try synchroniser.fill(files, progress: session.ui.progress)
        if let first = outcome.missing.first {
            let place = fetch ? "anywhere" : "in the local store"
            throw MLError(
                .missingObject,
                "content of '\(first.path)'\(outcome.missing.count > 1 ? " and \(outcome.missing.count - 1) more" : "") "
                    + "(\(first.pointer.oid.short)) is not \(place)",
                hint: fetch
                    ? "somebody who has it must push it: 'git mldata push --all'" : "fetch it with 'git mldata pull'")
        }
        return outcome
    }

    /// Gives a fresh clone its hooks, and the notes and records that nobody asked git to bring.
    static func welcome(_ data: DataRepository) throws {
        try Installation(scope: .local, repository: data.repository).install()
        try FilterSettings.write(data)
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
