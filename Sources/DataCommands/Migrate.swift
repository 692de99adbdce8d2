import ArgumentParser
import Base
import CommandKit
import DataKit
import Migration
import Reports

/// `git mldata migrate`: into git-ml from elsewhere, and out again.
struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Move in from Git LFS, DVC or plain Git history, and back out again.",
        subcommands: [MigrateLFS.self, MigrateDVC.self, MigrateInfo.self, MigrateImport.self, MigrateExport.self])
}

struct MigrateLFS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lfs", abstract: "Take over a Git LFS repository: only attributes change, pointers stay.",
        discussion: "Stages the changed .gitattributes; the history is not rewritten.")

    @Flag(help: "Commit the change, too.") var commit = false
    @Flag(help: "Say what would change, and change nothing.") var dryRun = false
    @Flag(help: "Do not ask (there is nothing to ask: for scripts that pass it everywhere).") var yes = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let migration = try LFSMigration(session.data)
        if !dryRun { try session.ensureInstalled() }
        let outcome = try migration.run(dryRun: dryRun, progress: session.ui.progress)
        for name in outcome.hooks { session.ui.status("Removed the \(name) hook of Git LFS.") }
        for path in outcome.corrupt {
            session.ui.warning("'\(path)' is damaged: its content is not what its name says")
        }
        if outcome.files.isEmpty && outcome.imported == 0 {
            session.ui.print("Nothing to migrate: no attributes name Git LFS.")
        } else {
            let verb = dryRun ? "Would change" : "Changed"
            session.ui.print(
                "\(verb) \(Quantity.count(outcome.lines, "line")) in \(Quantity.count(outcome.files.count, "attribute file"))"
                    + (outcome.files.isEmpty ? "" : ": " + outcome.files.joined(separator: ", ")))
            if outcome.imported > 0 {
                session.ui.print(
                    "Imported \(Quantity.count(outcome.imported, "object")) from Git LFS, "
                        + Quantity.bytes(outcome.importedBytes))
            }
        }
        if !outcome.missing.isEmpty {
            let bytes = outcome.missing.reduce(0) { $0 + $1.pointer.size }
            session.ui.warning(
                "content of \(Quantity.count(outcome.missing.count, "pointer")) (\(Quantity.bytes(bytes))) is not here, "
                    + "first '\(outcome.missing[0].path)'")
            session.ui.hint("'git lfs fetch --all' brings it from the LFS server; then run this command again")
        }
        let staged = outcome.files.filter { !$0.hasPrefix(".git/") }
        if dryRun || staged.isEmpty { return }
        if commit {
            try session.data.repository.git.run(
                ["commit", "-q", "-m", "Hand large files from Git LFS to git-ml", "--only", "--"] + staged)
            session.ui.print("Committed.")
        } else {
            session.ui.hint("the change is staged; make it with 'git commit'")
        }
    }
}
