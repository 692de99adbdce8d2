extension AttributionReport {
    /// The table for a terminal, a line feed after each line; long texts wrap within the last column.
    ///
    /// With colours, words that pull towards the attribution label stand on green, those against it on red and
    /// underlined; without, the value follows the word: `fantastic(+0.62)`. Below 60 columns each item is a block.
    public func terminal(width: Int = 80, colour: ColourDepth = .none) -> String {
        let layout = TerminalLayout(
            trueLabels: items.map { $0.trueLabel ?? "-" }, predictions: items.map(\.prediction),
            attributionLabels: items.map(\.attributionLabel), scores: items.map(\.scoreText), width: width,
            colour: colour)
        return layout.head() + layout.rows(items) + layout.foot()
    }

    /// The table in parts, for items that come one after the other.
    public struct TerminalLayout: Sendable {
        private let width: Int
        private let colour: ColourDepth
        private var headings: [[String]] = []
        private var columns: [Int] = []

        /// - Parameters:
        ///   - trueLabels, predictions, attributionLabels, scores: texts that the first four columns should have room for;
        ///     longer ones are cut.
        ///   - width: columns of the terminal.
        public init(
            trueLabels: [String], predictions: [String], attributionLabels: [String], scores: [String] = ["-10.00"],
            width: Int = 80, colour: ColourDepth = .none
        ) {
            self.width = max(20, width)
            self.colour = colour
            let titles = AttributionReport.titles
            let widest = [trueLabels, predictions, attributionLabels, scores].map { texts in
                min(24, texts.map { TextWidth.columns(TextWidth.escapingControls($0)) }.max() ?? 0)
            }
            func widths(_ headings: [[String]]) -> [Int] {
                (0..<4).map { column in
                    max(headings[column].map { TextWidth.columns($0) }.max() ?? 0, widest[column])
                }
            }
            // Titles in one line where the words keep half of the terminal, else broken at their space.
            headings = titles.map { [$0] }
            columns = widths(headings)
            if columns.reduce(8, +) > self.width / 2 {
                headings = titles.map { $0.split(separator: " ").map(String.init) }
                headings[4] = [titles[4]]
                columns = widths(headings)
            }
            while columns.reduce(8, +) > self.width - 20, let widest = columns.max(),
                let index = columns.firstIndex(of: widest)
            {
                columns[index] -= 1
            }
        }

        private var isNarrow: Bool { width < 60 }

        /// The titles.
        public func head() -> String {
            if isNarrow { return "" }
            var out = ""
            for index in 0..<(headings.map(\.count).max() ?? 1) {
                let cells = headings.map { index < $0.count ? $0[index] : "" }
                out += line(cells, style: .bold, last: Style.bold.apply(cells[4], colour: colour))
            }
            return out
        }

        /// Some items.
        public func rows(_ items: [Item]) -> String {
            let report = AttributionReport(items: items)
            if isNarrow { return report.blocks(width: width, colour: colour) }
            var out = ""
            for item in items {
                let cells = [item.trueLabel ?? "-", item.prediction, item.attributionLabel, item.scoreText]
                    .map { TextWidth.truncate(TextWidth.escapingControls($0), to: 24) }
                let lines = report.wrapped(item, width: width - columns.reduce(8, +), colour: colour)
                for (index, text) in (lines.isEmpty ? [""] : lines).enumerated() {
                    out += line(index == 0 ? cells : ["", "", "", ""], style: .plain, last: text)
                }
            }
            return out
        }

        /// The legend.
        public func foot() -> String { AttributionReport(items: []).legend(width: width, colour: colour) }

        private func line(_ cells: [String], style: Style, last: String) -> String {
            var text = ""
            for column in 0..<4 {
                let cell = TextWidth.truncate(cells[column], to: columns[column])
                let padded = TextWidth.pad(cell, to: columns[column], alignment: column == 3 ? .right : .left)
                text += style.apply(padded, colour: colour) + "  "
            }
            if last.isEmpty, style == .plain || colour == .none { while text.hasSuffix(" ") { text.removeLast() } }
            return text + last + "\n"
        }
    }

    fileprivate func blocks(width: Int, colour: ColourDepth) -> String {
        var out = ""
        for item in items {
            let values = [item.trueLabel ?? "-", item.prediction, item.attributionLabel, item.scoreText]
            for (title, value) in zip(AttributionReport.titles, values) {
                let title = title + ": "
                let value = TextWidth.truncate(TextWidth.escapingControls(value), to: width - title.utf8.count)
                out += Style.bold.apply(title, colour: colour) + value + "\n"
            }
            for line in wrapped(item, width: width, colour: colour) { out += line + "\n" }
            out += "\n"
        }
        return out
    }

    /// The words and below them the remarks, in lines of at most `width` columns.
    fileprivate func wrapped(_ item: Item, width: Int, colour: ColourDepth) -> [String] {
        var lines = Wrap(width: width)
        for word in item.shownWords {
            var text = TextWidth.escapingControls(word.text)
            if colour == .none, let value = AttributionReport.signed(word.value) { text += "(\(value))" }
            lines.add(text) { AttributionReport.paint($0, value: word.value, colour: colour) }
        }
        var notes = Wrap(width: width)
        for (index, note) in item.notes.enumerated() {
            for word in ((index == 0 ? "" : "· ") + TextWidth.escapingControls(note)).split(separator: " ") {
                notes.add(String(word)) { Style.dim.apply($0, colour: colour) }
            }
        }
        return lines.finish() + notes.finish()
    }

    private static func paint(_ text: String, value: Double, colour: ColourDepth) -> String {
        guard colour != .none, let background = background(value) else { return text }
        let fill =
            colour == .truecolor
            ? "48;2;\(background.red);\(background.green);\(background.blue)" : "48;5;\(background.paletteIndex)"
        // Every background is light (L ≥ 50), so the text is black whatever the theme; 16 is black in the cube.
        let ink = colour == .truecolor ? "38;2;0;0;0" : "38;5;16"
        return "\u{1b}[\(ink);\(fill)\(value < 0 ? ";4" : "")m\(text)\u{1b}[0m"
    }

    fileprivate func legend(width: Int, colour: ColourDepth) -> String {
        var lines = Wrap(width: width)
        lines.add("Legend:") { $0 }
        if colour == .none {
            for word in ["word(+x)", "for", "the", "attribution", "label,", "word(-x)", "against", "it"] {
                lines.add(word) { $0 }
            }
        } else {
            for (text, value) in [("Negative", -1.0), ("Neutral", 0), ("Positive", 1)] {
                lines.add(text) { AttributionReport.paint($0, value: value, colour: colour) }
            }
        }
        return lines.finish().map { $0 + "\n" }.joined()
    }

    /// Fills lines with words, one space between; a word that is wider than a line is cut into pieces.
    private struct Wrap {
        let width: Int
        private var lines: [String] = []
        private var current = ""
        private var used = 0

        init(width: Int) { self.width = max(2, width) }

        mutating func add(_ word: String, paint: (String) -> String) {
            var piece = ""
            var pieceWidth = 0
            for character in word {
                let next = TextWidth.columns(character)
                if pieceWidth + next > width {
                    put(paint(piece), columns: pieceWidth)
                    piece = ""
                    pieceWidth = 0
                }
                piece.append(character)
                pieceWidth += next
            }
            if !piece.isEmpty { put(paint(piece), columns: pieceWidth) }
        }

        private mutating func put(_ text: String, columns: Int) {
            if used > 0, used + 1 + columns > width {
                lines.append(current)
                current = ""
                used = 0
            }
            current += (used > 0 ? " " : "") + text
            used += (used > 0 ? 1 : 0) + columns
        }

        func finish() -> [String] { used > 0 ? lines + [current] : lines }
    }
}
