import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Checkout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkout",
        abstract: "Fill in pointers and bring back deleted files from the local store, or take one side of a conflict.",
        discussion: """
            Example, while a merge is in conflict:
              git mldata checkout --theirs -- data/labels.csv
              git mldata checkout --base --to /tmp/base.csv -- data/labels.csv
            """)

    @Argument(help: ArgumentHelp("Only these files and folders.", valueName: "path")) var paths: [String] = []
    @Flag(help: "In a conflict: our version.") var ours = false
    @Flag(help: "In a conflict: their version.") var theirs = false
    @Flag(help: "In a conflict: the version both grew from.") var base = false
    @Option(help: ArgumentHelp("Write that version there and leave the work tree alone.", valueName: "file"))
    var to: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let chosen: [(Bool, ConflictVersions.Side)] = [(ours, .ours), (theirs, .theirs), (base, .base)]
        let sides = chosen.filter(\.0).map(\.1)
        guard let side = sides.first else {
            if to != nil { throw MLError(.usage, "--to needs --ours, --theirs or --base") }
            let outcome = try Workflow.fill(session.paths(paths), fetch: false, restore: true, session)
            return session.ui.summary(Workflow.describe(outcome))
        }
        guard sides.count == 1 else { throw MLError(.usage, "only one of --ours, --theirs and --base can be taken") }
        guard !paths.isEmpty else {
            throw MLError(.usage, "which file?", hint: "git mldata checkout --\(side.name) -- PATH")
        }
        try take(side, session)
    }

    private func take(_ side: ConflictVersions.Side, _ session: Session) throws {
        let conflict = try ConflictVersions(session.data)
        let versions = try conflict.versions(side, paths: session.paths(paths))
        if to != nil && versions.count != 1 {
            throw MLError(.usage, "--to takes one file, and these paths are \(versions.count)")
        }
        let wanted = versions.compactMap(\.pointer).filter { $0.size > 0 }
        try Downloader(session.data).require(wanted, progress: session.ui.progress)
        for version in versions {
            let size = try conflict.write(version, to: to)
            let place = to.map { "'\($0)'" } ?? "the work tree"
            session.ui.print(
                "Wrote \(side == .base ? "the base" : side.possessive) version of '\(version.path)' to \(place), \(Quantity.bytes(size))"
            )
        }
    }
}
