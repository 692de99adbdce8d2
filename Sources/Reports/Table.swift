import Base

/// A table of texts that can be shown on a terminal, in Markdown, as CSV and as JSON.
public struct Table: Sendable {
    /// A column's title and where its texts sit.
    public struct Column: Sendable {
        public var title: String
        public var alignment: Alignment

        public init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    /// One entry: its text, its look, and the value behind it for CSV and JSON.
    public struct Cell: Sendable, ExpressibleByStringLiteral {
        public var text: String
        public var style: Style
        /// What the JSON and CSV forms write; the text when nil.
        public var value: JSON?
        /// The text uncut, for forms that have room for it.
        public var full: String?
        /// Words with how they pull, which pages and pictures show in the text's place.
        public var words: [(text: String, value: Double)]

        public init(
            _ text: String, style: Style = .plain, value: JSON? = nil, full: String? = nil,
            words: [(text: String, value: Double)] = []
        ) {
            self.text = text
            self.style = style
            self.value = value
            self.full = full
            self.words = words
        }

        public init(stringLiteral value: String) { self.init(value) }
    }

    public var columns: [Column]
    /// Rows shorter than `columns` are filled with empty cells; cells beyond the columns are not shown.
    public var rows: [[Cell]]

    public init(columns: [Column], rows: [[Cell]] = []) {
        self.columns = columns
        self.rows = rows
    }

    /// Lines for a terminal: columns two spaces apart, titles bold, no blanks at line ends, a line feed after each line.
    /// A line feed in a title begins another line of it.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; wider tables have their widest columns cut with `…`. Nil: never cut.
    ///   - colour: what the terminal can show.
    public func terminal(width: Int? = nil, colour: ColourDepth = .none) -> String {
        let titles = columns.map { $0.title.split(separator: "\n").map { TextWidth.escapingControls(String($0)) } }
        let texts = rows.map { row in columns.indices.map { TextWidth.escapingControls(cell(row, $0).text) } }
        var widths = titles.map { $0.map { TextWidth.columns($0) }.max() ?? 0 }
        for row in texts {
            for (index, text) in row.enumerated() { widths[index] = max(widths[index], TextWidth.columns(text)) }
        }
        if let width { shrink(&widths, to: width) }
        // Titles of several lines stand on the lowest one.
        let height = titles.map(\.count).max() ?? 0
        var out = ""
        for level in 0..<height {
            let cells = titles.map { lines -> (String, Style) in
                let place = level - (height - lines.count)
                return (place >= 0 ? lines[place] : "", Style.bold)
            }
            out += line(cells, widths: widths, colour: colour)
        }
        for (row, texts) in zip(rows, texts) {
            let cells = texts.enumerated().map { ($1, cell(row, $0).style) }
            out += line(cells, widths: widths, colour: colour)
        }
        return out
    }

    /// A pipe table (GitHub Flavored Markdown §4.10), its columns padded so that the source can be read too.
    public func markdown() -> String {
        let titles = columns.map { column in
            Table.escapeMarkdown(column.title.split(separator: "\n").joined(separator: " "))
        }
        let texts = rows.map { row in columns.indices.map { Table.escapeMarkdown(cell(row, $0).text) } }
        // The delimiter row needs three characters.
        var widths = titles.map { max(3, TextWidth.columns($0)) }
        for row in texts {
            for (index, text) in row.enumerated() { widths[index] = max(widths[index], TextWidth.columns(text)) }
        }
        func pipes(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { index, text in
                TextWidth.pad(text, to: widths[index], alignment: columns[index].alignment)
            }
            return "| " + padded.joined(separator: " | ") + " |\n"
        }
        let rules = columns.indices.map { index in
            switch columns[index].alignment {
            case .left: String(repeating: "-", count: widths[index])
            case .right: String(repeating: "-", count: widths[index] - 1) + ":"
            case .center: ":" + String(repeating: "-", count: widths[index] - 2) + ":"
            }
        }
        return pipes(titles) + pipes(rules) + texts.map(pipes).joined()
    }

    /// Comma-separated values (RFC 4180, but with line feeds alone, as Unix tools expect): quotes only where needed,
    /// texts as they are.
    public func csv() -> String {
        func record(_ fields: [String]) -> String {
            // A record of one empty field would be an empty line, which readers skip.
            if fields == [""] { return "\"\"\n" }
            return fields.map(Table.quoteCSV).joined(separator: ",") + "\n"
        }
        return record(columns.map(\.title))
            + rows.map { row in record(columns.indices.map { plain(cell(row, $0)) }) }.joined()
    }

    /// A list with one object a row, the column titles as keys.
    public func json() -> JSON {
        .array(
            rows.map { row in
                .object(
                    JSONObject(
                        columns.enumerated().map { index, column in
                            let cell = cell(row, index)
                            return (column.title, cell.value ?? .string(cell.text))
                        }))
            })
    }

    /// `text` so that it stays in its cell and is no markup: pipes, line ends, and what Markdown or HTML would act on.
    static func escapeMarkdown(_ text: String) -> String {
        // By scalars: a combining mark joins a pipe to another character, but it is still a pipe.
        var out = ""
        for scalar in TextWidth.escapingControls(text).unicodeScalars {
            switch scalar {
            case "|", "*", "_", "`", "[", "]", "\\":
                out += "\\"
                out.unicodeScalars.append(scalar)
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "&": out += "&amp;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private func cell(_ row: [Cell], _ index: Int) -> Cell { index < row.count ? row[index] : Cell("") }

    private func plain(_ cell: Cell) -> String {
        guard let value = cell.value else { return cell.text }
        if case .null = value { return "" }
        return value.stringValue ?? value.compact()
    }

    private func line(_ cells: [(text: String, style: Style)], widths: [Int], colour: ColourDepth) -> String {
        var out = ""
        // Blanks wait until something follows them, so no line ends in one.
        var blanks = 0
        for (index, cell) in cells.enumerated() {
            let text = TextWidth.truncate(cell.text, to: widths[index])
            let missing = widths[index] - TextWidth.columns(text)
            let before =
                switch columns[index].alignment {
                case .left: 0
                case .right: missing
                case .center: missing / 2
                }
            if index > 0 { blanks += 2 }
            blanks += before
            if !text.isEmpty {
                out += String(repeating: " ", count: blanks) + cell.style.apply(text, colour: colour)
                blanks = 0
            }
            blanks += missing - before
        }
        return out + "\n"
    }

    /// Takes columns from the widest until the table fits; none gets narrower than four columns that was wider.
    private func shrink(_ widths: inout [Int], to width: Int) {
        var excess = widths.reduce(0, +) + 2 * max(0, widths.count - 1) - width
        while excess > 0, let widest = widths.max(), widest > 4 {
            for index in widths.indices where widths[index] == widest && excess > 0 {
                widths[index] -= 1
                excess -= 1
            }
        }
    }

    private static func quoteCSV(_ field: String) -> String {
        let special: Set<UInt8> = [0x22, 0x2C, 0x0A, 0x0D]
        guard field.utf8.contains(where: special.contains) else { return field }
        var out = "\""
        for scalar in field.unicodeScalars {
            if scalar == "\"" { out += "\"" }
            out.unicodeScalars.append(scalar)
        }
        return out + "\""
    }
}
