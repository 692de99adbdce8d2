import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Remotes
import Reports

struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Upload content that commits need; 'git push' does it by itself.",
        discussion: "Without refs: the current branch. With --all: everything any ref reaches.")

    @Argument(help: ArgumentHelp("A Git remote, then refs.", valueName: "git-remote")) var arguments: [String] = []
    @Flag(help: "Everything that any ref of this repository reaches.") var all = false
    @Flag(name: [.customShort("n"), .long], help: "Only say what would be uploaded.") var dryRun = false
    @Option(help: ArgumentHelp("Upload to this remote store.", valueName: "store")) var to: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let gitRemote = try arguments.first ?? session.data.defaultGitRemote()
        guard let remote = try session.data.openRemote(named: to, gitRemote: gitRemote) else {
            throw MLError(
                .notFound, "there is nowhere to push to",
                hint:
                    "add a Git remote ('git remote add origin URL') or a store ('git mldata remote add --default NAME URL')"
            )
        }
        let uploader = Uploader(session.data)
        let pointers: [PointerFile]
        if all {
            pointers = try uploader.allPointers()
        } else {
            let names = arguments.count > 1 ? Array(arguments.dropFirst()) : ["HEAD"]
            pointers = try session.data.pointers(
                reachableFrom: names.map { try session.data.repository.commit($0).id.hex }, excluding: [])
        }
        let plan = try uploader.plan(pointers, remote)
        if dryRun {
            for file in plan.files {
                session.ui.print("would upload \(Quantity.bytes(file.pointer.size))  \(file.path)")
            }
            if plan.files.isEmpty { session.ui.summary("Everything is on \(remote.name).") }
            return
        }
        session.ui.summary(
            Push.describe(plan, try uploader.upload(plan, to: remote, progress: session.ui.progress), remote))
    }

    static func describe(_ plan: Uploader.Plan, _ transfer: ContentTransfer, _ remote: any ContentRemote) -> String {
        if plan.files.isEmpty { return "Everything is on \(remote.name)." }
        return
            "Uploaded \(Quantity.count(plan.files.count, "file")) (\(Quantity.bytes(plan.bytes))) to \(remote.name): "
            + "\(Quantity.bytes(transfer.bytes)) \(describe(transfer, "in"))"
    }

    /// In what the bytes travelled: packs, or, to and from Git LFS, one object after the other.
    static func describe(_ transfer: ContentTransfer, _ word: String) -> String {
        if transfer.packs > 0 { return "\(word) \(Quantity.count(transfer.packs, "pack"))" }
        return "in \(Quantity.count(transfer.objects, "object"))"
    }
}
