import Base
import CommandKit
import Reports

/// How many files there are of each type, and how large: what `--dry-run` prints.
struct TypeTable {
    private struct Row {
        var type: String
        var count = 0
        var bytes: Int64 = 0
        var largest: (path: String, bytes: Int64) = ("", -1)
    }

    private var rows: [Row]

    init(_ files: [(path: String, bytes: Int64)]) {
        var types: [String: Row] = [:]
        for file in files {
            let type = TypeTable.type(file.path)
            var row = types[type] ?? Row(type: type)
            row.count += 1
            row.bytes += file.bytes
            if file.bytes > row.largest.bytes { row.largest = file }
            types[type] = row
        }
        rows = types.values.sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
    }

    func show(_ ui: UserInterface, json: Bool, commits: Int? = nil) {
        if json {
            let list: [JSON] = rows.map {
                [
                    "type": .string($0.type), "versions": JSON($0.count), "bytes": .integer($0.bytes),
                    "largest": .string($0.largest.path),
                ]
            }
            var document: JSONObject = ["version": 1]
            if let commits { document["commits"] = JSON(commits) }
            document["types"] = .array(list)
            ui.write(JSON.object(document).pretty())
            return
        }
        if rows.isEmpty {
            ui.print("Nothing to migrate" + (commits.map { " in " + Quantity.count($0, "commit") } ?? "") + ".")
            return
        }
        var table = Table(columns: [
            .init("Type"), .init("Versions", .right), .init("Size", .right), .init("Largest", .right), .init("Path"),
        ])
        for row in rows {
            table.rows.append([
                .init(row.type), .init(Quantity.grouped(row.count)), .init(Quantity.bytes(row.bytes)),
                .init(Quantity.bytes(row.largest.bytes)), .init(row.largest.path),
            ])
        }
        ui.write(table.terminal(width: ui.terminal.width, colour: ui.terminal.colors))
    }

    /// What people call the type: `*.bin`, or the name of a file without an ending.
    private static func type(_ path: String) -> String {
        let name = Files.lastComponent(of: path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex, name.index(after: dot) != name.endIndex else {
            return name
        }
        return "*" + name[dot...]
    }
}
