import ArgumentParser
import Base
import CommandKit
import DataKit
import Migration
import Reports

struct MigrateDVC: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dvc",
        abstract: "Take over a DVC repository: cache and folder remotes in, pointers instead of .dvc files.",
        discussion: """
            Stages everything; the history is not rewritten. Pipelines stay: 'git mlrun' reads dvc.yaml and dvc.lock.
            """)

    @Flag(help: "Commit the change, too.") var commit = false
    @Flag(help: "Say what would change, by type, and change nothing.") var dryRun = false
    @Flag(help: "With --dry-run: print JSON.") var json = false
    @Flag(help: "Do not ask (there is nothing to ask: for scripts that pass it everywhere).") var yes = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let migration = try DVCMigration(session.data, progress: session.ui.progress)
        for notice in migration.notices { session.ui.status("note: " + notice) }
        for path in migration.missing { session.ui.status("missing: \(path)") }
        if dryRun {
            TypeTable(migration.files.map { ($0.path, $0.size) }).show(session.ui, json: json)
            if !migration.missing.isEmpty { throw ExitCode(ExitStatus.negative) }
            return
        }
        if migration.isDone {
            session.ui.print("Nothing to migrate: DVC tracks nothing that is not tracked here.")
            return
        }
        if commit, try session.data.repository.git.start(["diff", "--cached", "--quiet"]).status != 0 {
            throw MLError(.conflict, "other changes are staged", hint: "commit them first, or leave out --commit")
        }
        if migration.missing.isEmpty { try session.ensureInstalled() }
        let outcome = try migration.run(progress: session.ui.progress)
        var words = "Took over \(Quantity.count(outcome.files, "file")), \(Quantity.bytes(outcome.bytes))"
        if outcome.unlinked > 0 {
            words += "; \(Quantity.count(outcome.unlinked, "link")) into DVC's cache became real files"
        }
        session.ui.print(words)
        if !outcome.removed.isEmpty { session.ui.print("Removed " + outcome.removed.joined(separator: ", ")) }
        for name in outcome.hooks { session.ui.status("Removed the \(name) hook of DVC.") }
        if migration.hasPipelines { session.ui.status("Pipelines stay: 'git mlrun repro' reads dvc.yaml.") }
        if commit {
            try session.data.repository.git.run(["commit", "-q", "-m", "Hand data from DVC to git-ml"])
            session.ui.print("Committed.")
        } else {
            session.ui.hint("the change is staged; make it with 'git commit'")
        }
        session.ui.hint("DVC's cache is no longer needed for these files: .dvc/cache can go when all is pushed")
    }
}
