import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct RemoteStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what is missing on which store.",
        discussion:
            "Looks at what HEAD needs; with --all at what any ref reaches. Exits with 1 when a store lacks something.")

    @Flag(help: "Everything that any ref of this repository reaches.") var all = false
    @Flag(help: "Print JSON.") var json = false
    @Option(help: ArgumentHelp("List at most so many files a store.", valueName: "n")) var limit = 20
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        session.warnOfRefusedSettings()
        let files =
            all
            ? try Uploader(session.data).allPointers()
            : try session.data.repository.head().map { try session.data.pointers(inTree: $0.tree) } ?? []
        let status = try DataKit.RemoteStatus(files, session.data)
        if json {
            session.ui.write(document(status).pretty())
        } else {
            show(status, session)
            hint(status, session)
        }
        if !status.isComplete { throw ExitCode(ExitStatus.negative) }
    }

    private func show(_ status: DataKit.RemoteStatus, _ session: Session) {
        var table = Table(columns: [
            Table.Column("store"), Table.Column("use"), Table.Column("missing", .right), Table.Column("size", .right),
            Table.Column("where"),
        ])
        for place in status.places {
            table.rows.append([
                Table.Cell(place.name ?? "(here)"), Table.Cell(place.role),
                Table.Cell(place.failure == nil ? Quantity.grouped(place.missing.count) : "?"),
                Table.Cell(place.failure == nil ? Quantity.bytes(place.missingBytes) : ""), Table.Cell(place.url),
            ])
        }
        session.ui.print("\(Quantity.count(status.files, "file")), \(Quantity.bytes(status.bytes))")
        session.ui.write(table.terminal(width: session.ui.terminal.width, colour: session.ui.terminal.colors))
        for place in status.places {
            if let failure = place.failure {
                session.ui.print("\n\(place.name ?? ""): \(failure)")
                for hint in failure.hints { session.ui.hint(hint) }
            }
            if place.missing.isEmpty { continue }
            session.ui.print("\nmissing on \(place.name ?? "this machine"):")
            for file in place.missing.prefix(max(0, limit)) {
                session.ui.print("  \(file.path)  \(Quantity.bytes(file.pointer.size))")
            }
            let more = place.missing.count - max(0, limit)
            if more > 0 { session.ui.print("  and \(Quantity.grouped(more)) more") }
        }
    }

    private func hint(_ status: DataKit.RemoteStatus, _ session: Session) {
        let lacking = status.places.filter { !$0.missing.isEmpty }
        if lacking.contains(where: { $0.name != nil }) {
            session.ui.hint("upload what is here: 'git mldata push --all'")
        }
        if lacking.contains(where: { $0.name == nil }) { session.ui.hint("bring it here: 'git mldata fetch'") }
    }

    private func document(_ status: DataKit.RemoteStatus) -> JSON {
        let places: [JSON] = status.places.map { place in
            let missing: [JSON] = place.missing.map {
                ["path": .string($0.path), "oid": .string($0.pointer.oid.hex), "size": .integer($0.pointer.size)]
            }
            var line: JSONObject = [
                "name": place.name.map { .string($0) } ?? .null, "url": .string(place.url), "use": .string(place.role),
            ]
            if let failure = place.failure {
                line["error"] = .string(failure.description)
            } else {
                line["missing"] = .array(missing)
                line["missingBytes"] = .integer(place.missingBytes)
            }
            return .object(line)
        }
        return [
            "version": 1, "files": .integer(Int64(status.files)), "bytes": .integer(status.bytes),
            "complete": .bool(status.isComplete), "stores": .array(places),
        ]
    }
}
