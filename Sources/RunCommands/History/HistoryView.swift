import Base
import GitKit
import Records
import Reports

/// The history as a table for people or programs.
struct HistoryView {
    var table: HistoryTable
    var format: TableFormat
    /// On a terminal, params that never differ too.
    var allParams: Bool
    var lanes: Lanes?

    func view() -> TableView {
        let isTerminal = format == .terminal
        let params = table.paramColumns.filter { name in
            !isTerminal || allParams || Set(table.entries.compactMap { $0.params[name] }).count > 1
        }
        let hasDuration = table.entries.contains { $0.duration != nil }
        let first: [TableView.Column] = lanes == nil ? [] : [.text("Graph")]
        var view = TableView(
            columns: first + [.text("Commit"), .text("Date")] + table.metricColumns.map { .metric($0) }
                + params.map { .text($0) } + (hasDuration ? [.number("Duration")] : [])
                + [.text("Author"), .text("Subject")])
        func cells(_ entry: HistoryEntry) -> [String] {
            let commit = format == .csv ? entry.commit : String(entry.commit.prefix(7))
            let duration = entry.duration.map { format == .csv ? $0.description : Quantity.duration($0) } ?? "-"
            let names = isTerminal && !entry.refs.isEmpty ? "(\(entry.refs.joined(separator: ", "))) " : ""
            return [commit, String(entry.date.description.prefix(10))]
                + table.metricColumns.map { TableView.spell(entry.metrics[$0], rounded: format != .csv) }
                + params.map { TableView.spell(entry.params[$0], rounded: format != .csv) }
                + (hasDuration ? [duration] : []) + [entry.author, names + entry.subject]
        }
        guard let lanes else {
            view.rows = table.entries.map(cells)
            return view
        }
        let entries = Dictionary(table.entries.map { ($0.commit, $0) }) { first, _ in first }
        for line in lanes.lines {
            if let id = line.commit {
                // A commit that was filtered out leaves its place in the graph.
                view.rows.append([line.drawing] + (entries[id.hex].map(cells) ?? []))
            } else if isTerminal {
                view.rows.append([line.drawing])
            }
        }
        view.rows = view.rows.map { row in row + Array(repeating: "", count: max(0, view.columns.count - row.count)) }
        return view
    }
}

/// The lines Git draws beside a history.
struct Lanes {
    var lines: [(drawing: String, commit: GitID?)] = []
    var commits: [GitID] { lines.compactMap(\.commit) }

    init() {}

    /// - Parameter range: nil for all branches and tags.
    init(range: String?, limit: Int?, _ repository: Repository) throws {
        if let range, !range.contains("..") { _ = try repository.commit(range) }
        let answer = try repository.git.run(
            ["log", "--graph", "--format=%x00%H", "--no-color"] + (limit.map { ["--max-count=\($0)"] } ?? [])
                + (range.map { ["--end-of-options", $0] } ?? ["--branches", "--tags", "HEAD"]) + ["--"])
        lines = answer.output.split(separator: 10).map { line in
            let parts = line.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
            let drawing = String(decoding: parts[0], as: UTF8.self)
            return (drawing, parts.count > 1 ? GitID(String(decoding: parts[1], as: UTF8.self)) : nil)
        }
    }
}
