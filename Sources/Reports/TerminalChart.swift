import Base

/// A line chart of characters: values from left to right, the scale at the left.
public struct TerminalChart: Sendable {
    public var title: String
    /// Missing values leave a gap.
    public var values: [Double?]

    public init(title: String, values: [Double?]) {
        self.title = title
        self.values = values
    }

    /// Lines for a terminal.
    ///
    /// - Parameters:
    ///   - width: columns; more values than fit are averaged, fewer are spread.
    ///   - height: rows of the plane.
    public func terminal(width: Int? = nil, height: Int = 12) -> String {
        let known = values.compactMap { $0 }.filter(\.isFinite)
        guard var low = known.min(), var high = known.max() else { return "\(title): no values\n" }
        // A flat line stands in the middle of a scale that is wide enough to read.
        if low == high {
            let margin = low == 0 ? 1 : abs(low) * 0.1
            (low, high) = (low - margin, high + margin)
        }
        let rows = max(3, height)
        let labels = (0..<rows).map { row in
            let text = Quantity.number(high - (high - low) * Double(row) / Double(rows - 1), precision: 4)
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
        let margin = labels.map(\.count).max() ?? 0
        let columns = columns(max(10, min(width ?? 80, 200) - margin - 3))
        let levels = columns.map { value in
            value.map { Int(((high - $0) / (high - low) * Double(rows - 1)).rounded()) }
        }
        var plane = [[Character]](repeating: [Character](repeating: " ", count: levels.count), count: rows)
        for (column, level) in levels.enumerated() {
            guard let level else { continue }
            guard column > 0, let before = levels[column - 1] else {
                plane[level][column] = "─"
                continue
            }
            if before == level {
                plane[level][column] = "─"
                continue
            }
            plane[before][column] = before < level ? "╮" : "╯"
            plane[level][column] = before < level ? "╰" : "╭"
            for row in (min(before, level) + 1)..<max(before, level) { plane[row][column] = "│" }
        }
        var out = title + "\n"
        for (label, cells) in zip(labels, plane) {
            var line = Substring(TextWidth.pad(label, to: margin, alignment: .right) + " ┤" + String(cells))
            while line.last == " " { line.removeLast() }
            out += line + "\n"
        }
        return out
    }

    /// One value a column: each spread over several columns, or the mean of several.
    private func columns(_ limit: Int) -> [Double?] {
        if values.count <= limit {
            let spread = max(1, min(6, limit / max(1, values.count)))
            return values.flatMap { Array(repeating: $0.flatMap { $0.isFinite ? $0 : nil }, count: spread) }
        }
        return (0..<limit).map { column in
            let part = values[(column * values.count / limit)..<((column + 1) * values.count / limit)]
            let known = part.compactMap { $0 }.filter(\.isFinite)
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }
    }
}
