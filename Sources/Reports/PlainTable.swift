import Base

/// A table laid out as DVC prints its own, for scripts that read those: every column flush left and two blanks wider than
/// its title, two blanks apart, no rules.
public struct PlainTable: Sendable {
    public var titles: [String]
    /// Rows as long as `titles`.
    public var rows: [[String]]

    public init(_ titles: [String], rows: [[String]] = []) {
        self.titles = titles
        self.rows = rows
    }

    /// Lines for a terminal; nothing at all when there are no rows.
    public func terminal() -> String {
        if rows.isEmpty { return "" }
        let widths = widths(rows)
        return ([titles] + rows).map { row in
            let cells = zip(row, widths).map { TextWidth.pad(TextWidth.escapingControls($0), to: $1) }
            var line = Substring(cells.joined(separator: "  "))
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// A pipe table and an empty line.
    public func markdown() -> String {
        let escaped = rows.map { $0.map(PlainTable.escape) }
        let widths = widths(escaped)
        let lines = ([titles] + escaped).map { row in
            "| " + zip(row, widths).map { TextWidth.pad($0, to: $1) }.joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n") + "\n\n"
    }

    /// As in any table, but what Markdown leaves alone stays as DVC prints it: a list of numbers keeps its brackets (without
    /// `(` behind it is no link), a name its underscores (inside of a word they are no emphasis).
    private static func escape(_ text: String) -> String {
        var escaped = Table.escapeMarkdown(text)
        if text.hasPrefix("["), text.hasSuffix("]") {
            escaped = escaped.replacing("\\[", with: "[").replacing("\\]", with: "]")
        }
        if !text.hasPrefix("_"), !text.hasSuffix("_") { escaped = escaped.replacing("\\_", with: "_") }
        return escaped
    }

    public func csv() -> String {
        Table(columns: titles.map { Table.Column($0) }, rows: rows.map { $0.map { Table.Cell($0) } }).csv()
    }

    private func widths(_ rows: [[String]]) -> [Int] {
        titles.indices.map { column in
            rows.reduce(TextWidth.columns(titles[column]) + 2) {
                max($0, TextWidth.columns(TextWidth.escapingControls($1[column])))
            }
        }
    }
}
