import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Glibc
import Migration
import Reports

/// What `migrate import` and `migrate export` have in common.
struct HistoryOptions: ParsableArguments {
    @Option(
        name: [.customShort("I"), .long], parsing: .singleValue,
        help: ArgumentHelp("Only files that match; several with commas.", valueName: "pattern"))
    var include: [String] = []
    @Option(
        name: [.customShort("X"), .long], parsing: .singleValue,
        help: ArgumentHelp("Not files that match.", valueName: "pattern"))
    var exclude: [String] = []
    @Flag(help: "All branches and tags, also what remotes have (default: what only the current branch has).")
    var everything = false
    @Option(parsing: .singleValue, help: ArgumentHelp("This branch or tag, also what remotes have.", valueName: "ref"))
    var includeRef: [String] = []
    @Option(parsing: .singleValue, help: ArgumentHelp("Leave what this one reaches as it is.", valueName: "ref"))
    var excludeRef: [String] = []
    @Option(help: ArgumentHelp("Write lines 'old,new', one a commit.", valueName: "file")) var objectMap: String?
    @Flag(help: "Print what would change, by type, and change nothing.") var dryRun = false
    @Flag(help: "With --dry-run: print JSON.") var json = false
    @Flag(help: "Do not ask before the history is rewritten.") var yes = false

    func options() throws -> HistoryMigration.Options {
        if everything && !(includeRef.isEmpty && excludeRef.isEmpty) {
            throw MLError(.usage, "--everything leaves nothing to include or exclude", hint: "give one or the other")
        }
        var options = HistoryMigration.Options()
        options.everything = everything
        options.includeRefs = includeRef
        options.excludeRefs = excludeRef
        options.include = HistoryOptions.split(include)
        options.exclude = HistoryOptions.split(exclude)
        options.objectMap = objectMap
        return options
    }

    private static func split(_ patterns: [String]) -> [String] {
        patterns.flatMap { $0.split(separator: ",").map(String.init) }
    }

    /// Shows, asks, does, and says what was done.
    func run(_ direction: HistoryMigration.Direction, _ options: HistoryMigration.Options, _ session: Session) throws {
        let ui = session.ui
        let migration = try HistoryMigration(session.data, direction, options, progress: ui.progress)
        if dryRun { return show(migration, ui) }
        if migration.files.isEmpty {
            ui.print("Nothing to migrate in \(Quantity.count(migration.commitCount, "commit")).")
            return
        }
        if !yes && isatty(0) == 1 && isatty(2) == 1 {
            show(migration, ui)
            ui.status("Rewrite \(Quantity.count(migration.commitCount, "commit"))? [y/N]")
            guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
                throw ExitCode(ExitStatus.negative)
            }
        }
        if direction == .toPointers { try session.ensureInstalled() }
        report(try migration.run(progress: ui.progress), migration, direction, ui)
    }

    private func show(_ migration: HistoryMigration, _ ui: UserInterface) {
        TypeTable(migration.files.map { ($0.path, $0.size) }).show(ui, json: json, commits: migration.commitCount)
    }

    private func report(
        _ outcome: HistoryMigration.Outcome, _ migration: HistoryMigration, _ direction: HistoryMigration.Direction,
        _ ui: UserInterface
    ) {
        let bytes = migration.files.reduce(0) { $0 + $1.size }
        var words =
            "Rewrote \(Quantity.grouped(outcome.rewritten)) of \(Quantity.count(outcome.commits, "commit")): "
            + "\(Quantity.count(migration.files.count, "content")), \(Quantity.bytes(bytes)), "
            + (direction == .toPointers ? "became pointers" : "are in Git itself now")
        if direction == .toPointers { words += "; the store grew by \(Quantity.bytes(outcome.storedBytes))" }
        ui.print(words)
        if !outcome.refs.isEmpty { ui.print("Moved " + outcome.refs.joined(separator: ", ")) }
        if outcome.copiedNotes > 0 { ui.status("\(Quantity.count(outcome.copiedNotes, "note")) followed.") }
        if outcome.droppedSignatures > 0 {
            ui.warning(
                "\(Quantity.count(outcome.droppedSignatures, "signature")) dropped: they were for the old commits")
        }
        if !outcome.refsWithOldCommits.isEmpty {
            ui.warning("old commits are still in " + outcome.refsWithOldCommits.joined(separator: ", "))
            ui.hint("'--everything' takes all branches and tags")
        }
        if !outcome.backup.isEmpty {
            ui.hint(
                "the old refs are under \(outcome.backup); to let go of them:\n"
                    + "hint:   git for-each-ref --format='delete %(refname)' \(outcome.backup) | git update-ref --stdin"
            )
        }
    }
}

struct MigrateImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Rewrite history so that large files are pointers.",
        discussion: """
            Only commits that no remote has are rewritten, unless --everything or --include-ref says otherwise.

            Examples:
              git mldata migrate import --above 1MiB --dry-run
              git mldata migrate import --above 1MiB
              git mldata migrate import --include '*.bin,*.h5' --everything --yes
            """)

    @Option(help: ArgumentHelp("Only files longer than this: 1MiB, 500k.", valueName: "size")) var above: ByteSize?
    @OptionGroup var history: HistoryOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        guard above != nil || !history.include.isEmpty else {
            throw MLError(.usage, "which files?", hint: "for example '--above 1MiB', or --include '*.bin'")
        }
        var options = try history.options()
        options.above = above?.bytes
        try history.run(.toPointers, options, Session(common))
    }
}

struct MigrateInfo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show which types of files take how much of the history.",
        discussion: "As 'migrate import --dry-run', without a need to say which files.")

    @Option(help: ArgumentHelp("Only files longer than this: 1MiB, 500k.", valueName: "size")) var above: ByteSize?
    @OptionGroup var history: HistoryOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        var options = try history.options()
        options.above = above?.bytes ?? 0
        var history = history
        history.dryRun = true
        try history.run(.toPointers, options, Session(common))
    }
}

struct MigrateExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Rewrite history so that pointers are files in Git again.",
        discussion: """
            The way back of 'migrate import': content is fetched where it is missing, and the attributes go.

            Example:
              git mldata migrate export --everything
            """)

    @OptionGroup var history: HistoryOptions
    @OptionGroup var common: CommonOptions

    func run() throws { try history.run(.toFiles, history.options(), Session(common)) }
}
