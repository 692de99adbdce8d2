/// Tables as a self-contained SVG picture, words and signed numbers as on the page (`TablePage`).
public enum TableDrawing {
    private static let cell = 8.4
    private static let line = 26
    private static let margin = 16.0
    private static let gap = 20.0

    public static func svg(title: String, tables: [Table], remarks: [String] = []) -> String {
        var body = ""
        var y = 30
        var right = margin + Double(TextWidth.columns(title)) * cell
        text(title, margin, y, "h", &body)
        for table in tables {
            y += line + 6
            let widths = table.columns.indices.map { index -> Double in
                let cells = table.rows.map { index < $0.count ? width($0[index]) : 0 }
                return max(Double(TextWidth.columns(heading(table.columns[index]))) * cell, cells.max() ?? 0)
            }
            var starts = [margin]
            for width in widths { starts.append(starts[starts.count - 1] + width + gap) }
            let end = starts[starts.count - 1] - gap
            right = max(right, end)
            for (index, column) in table.columns.enumerated() {
                let shown = heading(column)
                let free = widths[index] - Double(TextWidth.columns(shown)) * cell
                text(shown, starts[index] + (column.alignment == .right ? free : 0), y, "b", &body)
            }
            rule(margin, end, y + 8, &body)
            let scale = TablePage.scale(table)
            for row in table.rows {
                y += line
                for (index, entry) in row.prefix(table.columns.count).enumerated() {
                    let free = table.columns[index].alignment == .right ? widths[index] - width(entry) : 0
                    draw(entry, starts[index] + free, y, scale, &body)
                }
            }
            rule(margin, end, y + 9, &body)
            y += 10
        }
        for remark in remarks {
            y += line
            text(remark, margin, y, "notes", &body)
            right = max(right, margin + Double(TextWidth.columns(remark)) * cell)
        }
        return AttributionReport.drawing(
            title: title, width: Int((right + margin).rounded(.up)), height: y + 20, body)
    }

    private static func heading(_ column: Table.Column) -> String {
        column.title.split(separator: "\n").joined(separator: " ")
    }

    private static func width(_ entry: Table.Cell) -> Double {
        guard !entry.words.isEmpty else { return Double(TextWidth.columns(shown(entry.text))) * cell }
        return entry.words.reduce(0) { $0 + Double(TextWidth.columns(shown($1.text)) + 3) * cell } - cell
    }

    private static func shown(_ text: String) -> String { TextWidth.escapingControls(text) }

    private static func draw(_ entry: Table.Cell, _ x: Double, _ y: Int, _ scale: Double, _ body: inout String) {
        if entry.words.isEmpty {
            if let value = TablePage.signed(entry) { back(value / scale, x - 2, y, width(entry) + 4, &body) }
            return text(entry.text, x, y, entry.style == .bold ? "b" : "", &body)
        }
        var x = x
        for word in entry.words {
            let size = Double(TextWidth.columns(shown(word.text)) + 2) * cell
            back(word.value / scale, x, y, size, &body)
            let mark =
                AttributionReport.shade(word.value / scale).lightness == 100 ? "" : word.value > 0 ? "+" : "\u{2212}"
            text(word.text, x + 2, y, "", &body)
            if !mark.isEmpty { text(mark, x + size - 11, y - 4, "sign", &body) }
            x += size + cell
        }
    }

    private static func back(_ value: Double, _ x: Double, _ y: Int, _ width: Double, _ body: inout String) {
        let lightness = AttributionReport.shade(value).lightness
        guard lightness < 100 else { return }
        let (from, to) = (number(x), number(x + width))
        body += "<g class=\"\(value > 0 ? "pos" : "neg")\">"
        body += "<rect x=\"\(from)\" y=\"\(y - 15)\" width=\"\(number(width))\" height=\"20\" rx=\"3\" "
        body += "style=\"--l:\(lightness)\"/><path d=\"M\(from) \(y + 5)H\(to)\"/></g>\n"
    }

    private static func text(_ text: String, _ x: Double, _ y: Int, _ kind: String, _ body: inout String) {
        let text = shown(text)
        if text.isEmpty { return }
        let length = number(Double(TextWidth.columns(text)) * cell * (kind == "sign" ? 0.7 : 1))
        body += "<text x=\"\(number(x))\" y=\"\(y)\"" + (kind.isEmpty ? "" : " class=\"\(kind)\"")
        body +=
            " textLength=\"\(length)\" lengthAdjust=\"spacingAndGlyphs\">\(AttributionReport.escapeHTML(text))</text>\n"
    }

    private static func rule(_ from: Double, _ to: Double, _ y: Int, _ body: inout String) {
        body += "<path class=\"rule\" d=\"M\(number(from)) \(y)H\(number(to))\"/>\n"
    }

    private static func number(_ value: Double) -> String { Quantity.fixed(value, decimals: 1) }
}
