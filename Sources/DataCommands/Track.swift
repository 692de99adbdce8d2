import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import ObjectStore

struct Track: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "track",
        abstract: "Track files by pattern; without a pattern, list the tracked patterns.",
        discussion:
            "Patterns go into .gitattributes of the current folder, so that every clone agrees. Quote them: 'data/**'.")

    @Argument(help: ArgumentHelp("Patterns as in .gitattributes.", valueName: "pattern")) var patterns: [String] = []
    @Option(
        help: ArgumentHelp(
            "Only files of at least this size; smaller ones stay in Git (suffixes k, m, g).", valueName: "n"))
    var minSize: String?
    @Flag(name: .customLong("filename"), help: "Take them as names of files, not as patterns.") var isName = false
    @Flag(help: "Also mark them as files to be locked before they are edited.") var lockable = false
    @Flag(help: "Take that mark away.") var notLockable = false
    @Flag(name: [.customShort("n"), .long], help: "Only say what would be tracked.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        if patterns.isEmpty { return try list(session) }
        if lockable && notLockable { throw MLError(.usage, "--lockable and --not-lockable exclude each other") }
        if let minSize {
            guard let size = Configuration.parseInteger(minSize), (0...Int64(MinimumSizes.limit)).contains(size) else {
                throw MLError(
                    .usage, "--min-size needs a size such as 500k or 10m, not '\(minSize)'",
                    hint: "at most \(MinimumSizes.limit >> 20)m")
            }
        }
        let repository = session.data.repository
        if !dryRun { try session.ensureInstalled() }
        let folder = String(repository.prefix.dropLast())
        let patterns = try patterns.map {
            try TrackedPatterns.normal(isName ? TrackedPatterns.exact($0) : $0, folder: folder, repository)
        }
        let added = try TrackedPatterns.add(
            patterns, folder: folder, minimumSize: minSize?.lowercased(),
            isLockable: lockable ? true : notLockable ? false : nil, isDry: dryRun, repository)
        if !dryRun && (lockable || notLockable) { try LockableFiles(session.data).update(isReleasing: notLockable) }
        for pattern in patterns {
            session.ui.summary(added.contains(pattern) ? "Tracking '\(pattern)'" : "'\(pattern)' is already tracked")
        }
    }

    private func list(_ session: Session) throws {
        let patterns = try TrackedPatterns.list(session.data.repository)
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1,
                    "patterns": .array(
                        patterns.map {
                            [
                                "pattern": .string($0.pattern), "source": .string($0.source),
                                "minSize": $0.minimumSize.map { .string($0) } ?? .null,
                            ]
                        }),
                ])
                .pretty())
            return
        }
        let width = patterns.map(\.pattern.count).max() ?? 0
        for pattern in patterns {
            session.ui.print(
                pattern.pattern + String(repeating: " ", count: width - pattern.pattern.count) + "  " + pattern.source
                    + (pattern.minimumSize.map { "  (from \($0) on)" } ?? ""))
        }
        if patterns.isEmpty { session.ui.status("No patterns are tracked.\nhint: git mldata track 'data/**'") }
    }
}

struct Untrack: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "untrack",
        abstract: "Stop tracking patterns; files that are in the store stay there.")

    @Argument(help: ArgumentHelp("Patterns as 'track' lists them.", valueName: "pattern")) var patterns: [String]
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let folder = String(session.data.repository.prefix.dropLast())
        let patterns = try patterns.map { try TrackedPatterns.normal($0, folder: folder, session.data.repository) }
        let removed = try TrackedPatterns.remove(patterns, folder: folder, session.data.repository)
        for pattern in patterns {
            session.ui.summary(
                removed.contains(pattern) ? "Untracking '\(pattern)'" : "'\(pattern)' was not tracked here")
        }
        if !removed.isEmpty {
            session.ui.hint("'git add --renormalize .' puts the files' content into Git from the next commit on")
        }
    }
}
