import ArgumentParser
import Base
import CommandKit
import DataKit

struct Fsck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check that every pointer reads and every object is what its name says.",
        discussion: "Prints a line a finding and exits 1 if there are any.")

    @Argument(help: ArgumentHelp("Revisions to check (default: HEAD and the index).", valueName: "rev")) var revisions:
        [String] = []
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let findings = try DataCheck(session.data).run(revisions, progress: session.ui.progress)
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
}
