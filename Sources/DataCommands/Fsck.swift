import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Fsck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck",
        abstract: "Check that every pointer reads and every object is what its name says.",
        discussion: """
            Prints a line a finding and exits 1 if there are any. With --repair damaged packs are set aside, what is sound
            in them is kept, and what is missing comes from the work tree or a remote.
            """)

    @Argument(
        help: ArgumentHelp("Revisions and ranges to check (default: HEAD and the index).", valueName: "rev"))
    var revisions: [String] = []
    @Flag(help: "Check pointers only, not the store.") var pointers = false
    @Flag(help: "Check content only, not whether files that should be pointers are.") var objects = false
    @Flag(help: "Mend what can be mended.") var repair = false
    @Flag(name: [.customShort("n"), .long], help: "With --repair: only say what is wrong.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let check = DataCheck(session.data)
        func run() throws -> [DataCheck.Finding] {
            try check.run(revisions, pointersOnly: pointers && !objects, progress: session.ui.progress).filter {
                pointers || !objects || $0.kind != "pointer"
            }
        }
        var findings = try run()
        if repair && !dryRun && !findings.isEmpty {
            let outcome = try Repair(session.data).run(check.files(revisions), progress: session.ui.progress)
            if !json { tell(outcome, session.ui) }
            findings = try run()
        }
        if json {
            let list: [JSON] = findings.map {
                ["kind": .string($0.kind), "path": .string($0.path), "text": .string($0.text)]
            }
            session.ui.write(JSON.object(["version": 1, "findings": .array(list)]).pretty())
        } else {
            for finding in findings { session.ui.print("\(finding.kind): \(finding.path): \(finding.text)") }
            if findings.isEmpty { session.ui.print("No findings.") }
        }
        if !findings.isEmpty { throw ExitCode(ExitStatus.negative) }
    }

    private func tell(_ outcome: Repair.Outcome, _ ui: UserInterface) {
        for path in outcome.quarantined { ui.status("Set aside: \(path)") }
        if outcome.dropped > 0 { ui.status("Dropped \(Quantity.count(outcome.dropped, "damaged object")).") }
        for file in outcome.restored { ui.status("Restored: \(file.path)") }
        for file in outcome.lost { ui.status("Lost: \(file.path) (\(file.pointer.oid.short))") }
        if !outcome.lost.isEmpty { ui.hint("somebody who has the content must push it: 'git mldata push --all'") }
    }
}
