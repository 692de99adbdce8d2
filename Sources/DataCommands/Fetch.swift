import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Download content into the local store, without touching the work tree.",
        discussion: """
            Without refs: what HEAD and the index need. With --recent also what the tips of all branches and tags need that
            had a commit in the last 7 days ('mldata.recentDays').
            """)

    @Argument(help: ArgumentHelp("A Git remote, then refs.", valueName: "git-remote")) var arguments: [String] = []
    @Flag(help: "Everything that any ref of this repository reaches.") var all = false
    @Flag(help: "Also what branches and tags with a commit of the last days need.") var recent = false
    @Option(help: ArgumentHelp("Download from this remote store only.", valueName: "store")) var from: String?
    @OptionGroup var selection: PathSelection
    @Flag(help: "Print JSON; while it works, a line of JSON now and then on standard error.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let data = session.data
        if let remote = arguments.first { try data.requireGitRemote(remote) }
        var files: [PointerFile]
        if all {
            files = try Uploader(data).allPointers()
        } else if arguments.count > 1 {
            files = try arguments.dropFirst().flatMap { try data.pointers(inTree: data.repository.commit($0).tree) }
        } else {
            files =
                try data.pointersInIndex() + (data.repository.head().map { try data.pointers(inTree: $0.tree) } ?? [])
        }
        if recent { files += try data.recentPointers(now: Timestamp.now().seconds) }
        let chosen = selection.filter.isOpen && !all ? data.wanted : selection.filter
        files = files.filter { chosen.contains($0.path) }
        let (transfer, missing) = try Downloader(data).fetch(
            files.map(\.pointer), gitRemote: arguments.first, from: from, progress: session.ui.progress(json: json))
        if let first = files.first(where: { missing.contains($0.pointer.oid) }) {
            throw MLError(
                .missingObject,
                "content of '\(first.path)'\(missing.count > 1 ? " and \(missing.count - 1) more" : "") "
                    + "(\(first.pointer.oid.short)) is not on the remote",
                hint: "somebody who has it must push it: 'git mldata push --all'")
        }
        if json {
            let document: JSON = [
                "version": 1, "bytes": .integer(transfer.bytes), "packs": .integer(Int64(transfer.packs)),
                "objects": .integer(Int64(transfer.objects)),
            ]
            return session.ui.write(document.pretty())
        }
        session.ui.summary(
            transfer.objects == 0
                ? "The local store has everything."
                : "Downloaded \(Quantity.bytes(transfer.bytes)) \(Push.describe(transfer, "from"))")
    }
}
