import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Remotes
import Reports

struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Upload content that commits need; 'git push' does it by itself.",
        discussion: "Without refs: the current branch. With --all: everything any ref reaches.")

    @Argument(help: ArgumentHelp("A Git remote, then refs.", valueName: "git-remote")) var arguments: [String] = []
    @Flag(help: "Everything that any ref of this repository reaches.") var all = false
    @Flag(name: [.customShort("n"), .long], help: "Only say what would be uploaded.") var dryRun = false
    @Option(help: ArgumentHelp("Upload to this remote store, and to no other.", valueName: "store")) var to: String?
    @Flag(help: "Print JSON; while it works, a line of JSON now and then on standard error.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let data = session.data
        if let remote = arguments.first { try data.requireGitRemote(remote) }
        let gitRemote = try arguments.first ?? data.defaultGitRemote()
        guard let remote = try data.openRemote(named: to, gitRemote: gitRemote) else {
            throw MLError(
                .notFound, "there is nowhere to push to",
                hint:
                    "add a Git remote ('git remote add origin URL') or a store ('git mldata remote add --default NAME URL')"
            )
        }
        let uploader = Uploader(data)
        let pointers: [PointerFile]
        if all {
            pointers = try uploader.allPointers()
        } else {
            let names = arguments.count > 1 ? Array(arguments.dropFirst()) : ["HEAD"]
            pointers = try data.pointers(
                reachableFrom: names.map { try data.repository.commit($0).id.hex }, excluding: [])
        }
        let progress = session.ui.progress(json: json)
        let plan = try uploader.plan(pointers, remote)
        var report = PushReport(session.ui, json: json, dryRun: dryRun)
        if dryRun {
            report.add(remote.name, plan, nil)
        } else {
            report.add(remote.name, plan, try uploader.upload(plan, to: remote, progress: progress))
        }
        var failure: MLError?
        if to == nil {
            let primary = try data.primaryRemote(gitRemote: gitRemote)
            for copy in try uploader.updateCopies(
                pointers, of: primary, gitRemote: gitRemote, dryRun: dryRun, progress: progress)
            {
                if let plan = copy.plan {
                    report.add("copy '\(copy.store)'", plan, dryRun ? nil : copy.transfer)
                } else {
                    failure = MLError(
                        .failed, "the copy '\(copy.store)' is not up to date", hints: copy.failure?.hints ?? [],
                        cause: copy.failure)
                }
            }
        }
        report.finish()
        if let failure { throw failure }
    }

    static func describe(_ plan: Uploader.Plan, _ transfer: ContentTransfer, _ store: String) -> String {
        if plan.files.isEmpty { return "Everything is on \(store)." }
        return
            "Uploaded \(Quantity.count(plan.files.count, "file")) (\(Quantity.bytes(plan.bytes))) to \(store): "
            + "\(Quantity.bytes(transfer.bytes)) \(describe(transfer, "in"))"
    }

    /// In what the bytes travelled: packs, or, to and from Git LFS, one object after the other.
    static func describe(_ transfer: ContentTransfer, _ word: String) -> String {
        if transfer.packs > 0 { return "\(word) \(Quantity.count(transfer.packs, "pack"))" }
        return "in \(Quantity.count(transfer.objects, "object"))"
    }
}

/// What a push did, store by store, in words or as one JSON document.
private struct PushReport {
    private let ui: UserInterface
    private let json: Bool
    private let dryRun: Bool
    private var stores: [JSON] = []

    init(_ ui: UserInterface, json: Bool, dryRun: Bool) {
        self.ui = ui
        self.json = json
        self.dryRun = dryRun
    }

    /// - Parameter transfer: nil when nothing was moved because of `--dry-run`.
    mutating func add(_ store: String, _ plan: Uploader.Plan, _ transfer: ContentTransfer?) {
        if json {
            let files: [JSON] = plan.files.map {
                ["path": .string($0.path), "oid": .string($0.pointer.oid.hex), "size": .integer($0.pointer.size)]
            }
            stores.append([
                "store": .string(store), "files": .array(files), "bytes": .integer(transfer?.bytes ?? 0),
                "packs": .integer(Int64(transfer?.packs ?? 0)), "objects": .integer(Int64(transfer?.objects ?? 0)),
            ])
        } else if let transfer {
            ui.summary(Push.describe(plan, transfer, store))
        } else if plan.files.isEmpty {
            ui.summary("Everything is on \(store).")
        } else {
            if !stores.isEmpty || store.hasPrefix("copy ") { ui.print("to \(store):") }
            for file in plan.files { ui.print("would upload \(Quantity.bytes(file.pointer.size))  \(file.path)") }
        }
    }

    func finish() {
        guard json else { return }
        ui.write(JSON.object(["version": 1, "dryRun": .bool(dryRun), "stores": .array(stores)]).pretty())
    }
}
