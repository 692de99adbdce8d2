import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show tracked files that are staged, modified, missing or not pushed.")

    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print lines for scripts: state, space, path.") var porcelain = false
    @Flag(name: .customShort("z"), help: "End lines with NUL instead of LF.") var nul = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let status = try DataStatus(session.data)
        if json {
            session.ui.write(document(status).pretty())
        } else if porcelain || nul {
            for entry in status.entries {
                session.ui.write("\(entry.state.rawValue) \(entry.path)\(nul ? "\0" : "\n")")
            }
        } else {
            show(status, session.ui)
        }
    }

    private func show(_ status: DataStatus, _ ui: UserInterface) {
        ui.print("\(Quantity.count(status.trackedFiles, "tracked file")), \(Quantity.bytes(status.trackedBytes))")
        let titles: [(DataStatus.State, String)] = [
            (.staged, "Staged for the next commit:"),
            (.modified, "Modified, not staged (use 'git add' or 'git mldata add'):"),
            (.deleted, "Deleted from the work tree (use 'git rm', or 'git checkout -- FILE'):"),
            (.pointer, "Not filled in (use 'git mldata pull'):"),
            (.missing, "Content not in the local store (use 'git mldata fetch'):"),
            (.unpushed, "Committed, not on the remote when last seen (use 'git push'):"),
        ]
        for (state, title) in titles {
            let entries = status.entries.filter { $0.state == state }
            if entries.isEmpty { continue }
            ui.print("\n" + title)
            let width = entries.map { Quantity.bytes($0.size).count }.max() ?? 0
            for entry in entries {
                let size = Quantity.bytes(entry.size)
                ui.print("    " + String(repeating: " ", count: width - size.count) + size + "  " + entry.path)
            }
        }
        if status.entries.isEmpty { ui.print("Nothing to add, fetch or push.") }
    }

    private func document(_ status: DataStatus) -> JSON {
        [
            "version": 1, "files": JSON(status.trackedFiles), "bytes": .integer(status.trackedBytes),
            "entries": .array(
                status.entries.map {
                    [
                        "path": .string($0.path), "state": .string($0.state.rawValue), "oid": .string($0.oid.hex),
                        "size": .integer($0.size),
                    ]
                }),
        ]
    }
}
