import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct Sync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Fill in files that are still pointers, fetching what is missing.",
        discussion: "Git's checkout does this by itself; 'sync' is the net for whatever it left.")

    @Argument(help: ArgumentHelp("Only these files and folders.", valueName: "path")) var paths: [String] = []
    @Flag(help: .hidden) var fromFilter = false
    @Flag(help: .hidden) var firstContact = false
    @Flag(help: .hidden) var stdin = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        if firstContact { try Workflow.welcome(session.data) }
        var paths = try session.paths(paths)
        if stdin {
            paths = try FileHandle(borrowing: 0, path: "standard input").readToEnd()
                .split(separator: 0).map { String(path: $0) }
            if paths.isEmpty { return }
        }
        let outcome = try Workflow.fill(paths, fetch: true, session)
        if !fromFilter { session.ui.summary(Workflow.describe(outcome)) }
    }
}

struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch content for this checkout, fill it in and bring back deleted files.",
        discussion: "Example:\n  git mldata pull data --below 100m")

    @Argument(help: ArgumentHelp("Only these files and folders.", valueName: "path")) var paths: [String] = []
    @Option(help: ArgumentHelp("Only files larger than this (suffixes k, m, g).", valueName: "size")) var above: String?
    @Option(help: ArgumentHelp("Only files smaller than this.", valueName: "size")) var below: String?
    @OptionGroup var selection: PathSelection
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let chosen = selection.filter
        let lower = try size(above, "--above") ?? -1
        let upper = try size(below, "--below") ?? Int64.max
        let outcome = try Workflow.fill(
            session.paths(paths), fetch: true, restore: true, overridesWanted: !chosen.isOpen, session
        ) {
            $0.pointer.size > lower && $0.pointer.size < upper && chosen.contains($0.path)
        }
        session.ui.summary(Workflow.describe(outcome))
    }

    private func size(_ text: String?, _ option: String) throws -> Int64? {
        guard let text else { return nil }
        guard let value = Configuration.parseInteger(text) else {
            throw MLError(.usage, "\(option) needs a size such as 500k or 10m, not '\(text)'")
        }
        return value
    }
}
