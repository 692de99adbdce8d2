import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Download content into the local store, without touching the work tree.",
        discussion: "Without refs: what HEAD and the index need.")

    @Argument(help: ArgumentHelp("A Git remote, then refs.", valueName: "git-remote")) var arguments: [String] = []
    @Flag(help: "Everything that any ref of this repository reaches.") var all = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let data = session.data
        let files: [PointerFile]
        if all {
            files = try Uploader(data).allPointers()
        } else if arguments.count > 1 {
            files = try arguments.dropFirst().flatMap { try data.pointers(inTree: data.repository.commit($0).tree) }
        } else {
            files =
                try data.pointersInIndex() + (data.repository.head().map { try data.pointers(inTree: $0.tree) } ?? [])
        }
        let (transfer, missing) = try Downloader(data).fetch(
            files.map(\.pointer), gitRemote: arguments.first, progress: session.ui.progress)
        if let first = files.first(where: { missing.contains($0.pointer.oid) }) {
            throw MLError(
                .missingObject,
                "content of '\(first.path)'\(missing.count > 1 ? " and \(missing.count - 1) more" : "") "
                    + "(\(first.pointer.oid.short)) is not on the remote",
                hint: "somebody who has it must push it: 'git mldata push --all'")
        }
        session.ui.summary(
            transfer.objects == 0
                ? "The local store has everything."
                : "Downloaded \(Quantity.bytes(transfer.bytes)) \(Push.describe(transfer, "from"))")
    }
}
