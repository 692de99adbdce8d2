/// Tables as one self-contained HTML page that looks as the page of explanations does: no scripts, nothing loaded, light
/// and dark after the reader's setting.
///
/// Words in a cell and signed numbers ("+0.31") stand on backgrounds that show how they pull, a table's on one scale;
/// a solid line and a `+`, or a dashed line and a `−`, say the same without colour.
public enum TablePage {
    public static func html(title: String, tables: [Table], remarks: [String] = []) -> String {
        var out = AttributionReport.documentHead(title: title, styles: styles)
        for table in tables { out += TablePage.table(table) }
        for remark in remarks { out += "<p class=\"notes\">\(AttributionReport.escapeHTML(remark))</p>\n" }
        return out + "</body>\n</html>\n"
    }

    private static let styles = """

        table { margin-bottom: 1.5rem }
        table th { text-align: left }
        table th.n { text-align: right }
        table.plain th:nth-child(4):not(.n) { text-align: left }
        td.n { white-space: nowrap }
        .signed::after { content: none }
        """

    private static func table(_ table: Table) -> String {
        var out = "<table class=\"plain\">\n<thead><tr>\n"
        let titles = table.columns.map { $0.title.split(separator: "\n").joined(separator: " ") }
        for (column, title) in zip(table.columns, titles) {
            let kind = column.alignment == .right ? " class=\"n\"" : ""
            out += "<th scope=\"col\"\(kind)>\(AttributionReport.escapeHTML(title))</th>"
        }
        out += "\n</tr></thead>\n<tbody>\n"
        let scale = TablePage.scale(table)
        for row in table.rows {
            out += "<tr>"
            for (index, column) in table.columns.enumerated() {
                let cell = index < row.count ? row[index] : Table.Cell("")
                let kind = column.alignment == .right ? " class=\"n\"" : ""
                out += "<td\(kind) data-title=\"\(AttributionReport.escapeHTML(titles[index]))\">"
                out += content(cell, scale: scale) + "</td>\n"
            }
            out += "</tr>\n"
        }
        return out + "</tbody>\n</table>\n"
    }

    private static func content(_ cell: Table.Cell, scale: Double) -> String {
        if !cell.words.isEmpty {
            let words = cell.words.map { word in
                let text = AttributionReport.escapeHTML(word.text)
                return span(text, word.value / scale, kind: "", tip: AttributionReport.signed(word.value) ?? "0.00")
            }
            return "<div dir=\"auto\">\(words.joined(separator: " "))</div>"
        }
        let text = AttributionReport.escapeHTML(cell.full ?? cell.text)
        if let value = signed(cell) { return span(text, value / scale, kind: " signed", tip: nil) }
        let shown = cell.style == .bold ? "<strong>\(text)</strong>" : text
        return cell.full == nil ? shown : "<div dir=\"auto\">\(shown)</div>"
    }

    private static func span(_ text: String, _ value: Double, kind: String, tip: String?) -> String {
        let lightness = AttributionReport.shade(value).lightness
        guard lightness < 100 else { return "<span class=\"w\">\(text)</span>" }
        return "<span class=\"w \(value > 0 ? "pos" : "neg")\(kind)\" style=\"--l:\(lightness)\""
            + (tip.map { " title=\"\($0)\"" } ?? "") + ">\(text)</span>"
    }

    /// The largest size in a table, so that the strongest has the full colour.
    static func scale(_ table: Table) -> Double {
        let values = table.rows.joined().flatMap { cell in cell.words.map(\.value) + (signed(cell).map { [$0] } ?? []) }
        return max(values.map(abs).max() ?? 0, 1e-300)
    }

    /// The value of a cell that shows a number with its sign; nil for others.
    static func signed(_ cell: Table.Cell) -> Double? {
        guard let first = cell.text.first, first == "+" || first == "-", cell.text.count > 1 else { return nil }
        return Double(cell.text)
    }
}
