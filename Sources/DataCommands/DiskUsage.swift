import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct DiskUsage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du", abstract: "Show what tracked files take: as files, in the store, and alone.",
        discussion: """
            Size is the files' content; Stored their chunks, compressed, shared ones counted once; Alone what nothing else
            uses, so what the store would shrink by without that entry.
            """)

    @Argument(help: ArgumentHelp("A revision (default: the index).", valueName: "rev")) var revision: String?
    @Option(
        name: [.customShort("d"), .customLong("depth")],
        help: ArgumentHelp("List so many levels of folders.", valueName: "n")) var depth = 1
    @Flag(name: .shortAndLong, help: "List every file.") var all = false
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print lines for scripts: files, size, stored, alone, path; bytes.") var porcelain = false
    @Flag(name: .customShort("z"), help: "End lines with NUL instead of LF.") var nul = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let data = session.data
        guard depth >= 0 else { throw MLError(.usage, "--depth must not be negative") }
        let files =
            try revision.map { try data.pointers(inTree: data.repository.commit($0).tree) } ?? data.pointersInIndex()
        let store = try data.openStore()
        let use = try DiskUse(files, depth: all ? nil : depth, store: store)
        let packs = try store.packSummaries()
        let packed = packs.reduce(Int64(0)) { $0 + Int64($1.length) }
        if json { return session.ui.write(document(use, packs: packs.count, packed).pretty()) }
        if porcelain || nul {
            for entry in use.entries {
                session.ui.write(
                    "\(entry.files) \(entry.logical) \(entry.stored) \(entry.alone) \(entry.path)\(nul ? "\0" : "\n")")
            }
            return
        }
        var table = Table(columns: [
            .init("Files", .right), .init("Size", .right), .init("Stored", .right), .init("Alone", .right),
            .init("Path"),
        ])
        for entry in use.entries + [use.total] {
            let path = entry.path.isEmpty ? "total" : entry.path
            let note = entry.absent > 0 ? " (\(Quantity.count(entry.absent, "file")) not here)" : ""
            table.rows.append([
                .init("\(entry.files)"), .init(Quantity.bytes(entry.logical)), .init(Quantity.bytes(entry.stored)),
                .init(Quantity.bytes(entry.alone)), .init(path + note),
            ])
        }
        session.ui.write(table.terminal(width: session.ui.terminal.width, colour: session.ui.terminal.colors))
        let rest = packed - use.total.stored
        session.ui.print(
            "The store has \(Quantity.bytes(packed)) in \(Quantity.count(packs.count, "pack"))"
                + (rest > 0 ? ", \(Quantity.bytes(rest)) of it for other versions." : "."))
    }

    private func document(_ use: DiskUse, packs: Int, _ packed: Int64) -> JSON {
        func entry(_ entry: DiskUse.Entry) -> JSON {
            [
                "path": .string(entry.path), "files": JSON(entry.files), "logical": .integer(entry.logical),
                "stored": .integer(entry.stored), "alone": .integer(entry.alone), "absent": JSON(entry.absent),
            ]
        }
        return [
            "version": 1, "entries": .array(use.entries.map(entry)), "total": entry(use.total),
            "store": ["packs": JSON(packs), "bytes": .integer(packed)],
        ]
    }
}
