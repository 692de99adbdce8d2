extension AttributionReport {
    /// The table as a self-contained SVG picture: the columns of the page, words on their backgrounds with a solid line
    /// and `+` for the label, a dashed line and `−` against it; light and dark after the viewer's setting.
    ///
    /// - Parameter width: of the picture, in CSS pixels.
    public func svg(title: String = "Word importance", width: Int = 960) -> String {
        let width = max(480, width)
        var drawing = Drawing(width: width)
        drawing.heading(title)
        for item in items { drawing.row(item) }
        return drawing.finish(title: title)
    }

    /// The style sheet of pictures.
    static let drawingStyle = """
        svg { color-scheme: light dark; --ink: #111; --paper: #fff; --rule: #bbb; --faint: #555 }
        text { font: 14px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--ink); white-space: pre }
        .paper { fill: var(--paper) } .rule { stroke: var(--rule) } .b { font-weight: bold }
        .h { font-weight: bold; font-size: 15px } .notes { fill: var(--faint); font-size: 12px }
        .sign { font-size: 10px } .pos rect { fill: hsl(120 75% calc(var(--l) * 1%)) }
        .neg rect { fill: hsl(0 75% calc(var(--l) * 1%)) } .pos path, .neg path { stroke: var(--ink); stroke-width: 2 }
        .neg path { stroke-dasharray: 4 3 }
        @media (prefers-color-scheme: dark) {
          svg { --ink: #fff; --paper: #161616; --rule: #444; --faint: #aaa }
          .pos rect { fill: hsl(120 60% calc((108 - var(--l)) * .5%)) }
          .neg rect { fill: hsl(0 60% calc((108 - var(--l)) * .5%)) }
        }
        """

    /// A picture around its elements.
    static func drawing(title: String, width: Int, height: Int, _ body: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
        viewBox="0 0 \(width) \(height)" role="img">
        <title>\(escapeHTML(title))</title>
        <style>
        \(drawingStyle)
        </style>
        <rect class="paper" width="100%" height="100%"/>
        \(body)</svg>

        """
    }

    /// Draws row by row with a fixed width a character, so that no font need be measured.
    private struct Drawing {
        private static let cell = 8.4
        private static let line = 26
        private static let margin = 16
        private let width: Int
        private let columns: [Int]
        private var y = 0
        private var body = ""

        init(width: Int) {
            self.width = width
            // Shares of the width for the first four columns.
            let share = max(92, width / 9)
            columns = (0..<5).map { Drawing.margin + $0 * share }
        }

        private mutating func text(
            _ text: String, x: Double, y: Int, kind: String = "", room: Int = .max, anchor: String = "start"
        ) {
            let shown = TextWidth.truncate(TextWidth.escapingControls(text), to: room)
            let length = Drawing.number(Double(TextWidth.columns(shown)) * Drawing.cell)
            if shown.isEmpty { return }
            body += "<text x=\"\(Drawing.number(x))\" y=\"\(y)\""
            if !kind.isEmpty { body += " class=\"\(kind)\"" }
            if anchor != "start" { body += " text-anchor=\"\(anchor)\"" }
            body +=
                " textLength=\"\(length)\" lengthAdjust=\"spacingAndGlyphs\">\(AttributionReport.escapeHTML(shown))</text>\n"
        }

        private var columnRoom: Int { Int(Double(columns[1] - columns[0] - 10) / Drawing.cell) }

        mutating func heading(_ title: String) {
            text(title, x: Double(Drawing.margin), y: 30, kind: "h", room: Int(Double(width - 32) / Drawing.cell))
            y = 62
            for (title, x) in zip(AttributionReport.titles, columns) {
                // Two lines: "Predicted" over "Label".
                let words = x == columns[4] ? [title] : title.split(separator: " ").map(String.init)
                for (index, word) in words.enumerated() {
                    text(
                        word, x: Double(x), y: y + 18 * (index + 2 - words.count), kind: "b",
                        room: columnRoom + (x == columns[4] ? 40 : 0))
                }
            }
            y += 32
            rule()
        }

        private mutating func rule() {
            body += "<path class=\"rule\" d=\"M\(Drawing.margin) \(y)H\(width - Drawing.margin)\"/>\n"
        }

        mutating func row(_ item: Item) {
            y += Drawing.line
            let top = y
            for (value, x) in zip([item.trueLabel ?? "-", item.prediction, item.attributionLabel], columns) {
                text(value, x: Double(x), y: top, room: columnRoom)
            }
            text(item.scoreText, x: Double(columns[4] - 16), y: top, anchor: "end")
            let left = Double(columns[4])
            let right = Double(width - Drawing.margin)
            let isReversed = TextDirection.isRightToLeft(item.text)
            var used = 0.0
            let most = Int((right - left) / Drawing.cell) - 2
            for (word, value) in item.shownWords {
                let shown = TextWidth.truncate(TextWidth.escapingControls(word), to: most)
                let size =
                    Double(TextWidth.columns(shown) + 1) * Drawing.cell
                    + (AttributionReport.shade(value).lightness < 100 ? 8 : 0)
                if used > 0, used + size > right - left {
                    y += Drawing.line
                    used = 0
                }
                let x = isReversed ? right - used - size : left + used
                self.word(shown, value, x: x, size: size)
                used += size
            }
            if !item.notes.isEmpty {
                y += 20
                text(item.notes.joined(separator: " · "), x: left, y: y, kind: "notes", room: most)
            }
            y += 12
            rule()
        }

        private mutating func word(_ word: String, _ value: Double, x: Double, size: Double) {
            let shade = AttributionReport.shade(value)
            let wide = size - Drawing.cell
            if shade.lightness < 100 {
                let kind = value > 0 ? "pos" : "neg"
                let (from, to) = (Drawing.number(x), Drawing.number(x + wide))
                body += "<g class=\"\(kind)\"><title>\(AttributionReport.signed(value) ?? "0.00")</title>"
                body += "<rect x=\"\(from)\" y=\"\(y - 15)\" width=\"\(Drawing.number(wide))\" height=\"20\" rx=\"3\" "
                body += "style=\"--l:\(shade.lightness)\"/><path d=\"M\(from) \(y + 5)H\(to)\"/></g>\n"
                text(value > 0 ? "+" : "\u{2212}", x: x + wide - 7, y: y - 6, kind: "sign on")
                text(word, x: x + 1, y: y, kind: "on")
            } else {
                text(word, x: x + 1, y: y)
            }
        }

        func finish(title: String) -> String {
            AttributionReport.drawing(title: title, width: width, height: y + 16, body)
        }

        /// Two digits behind the point at most.
        private static func number(_ value: Double) -> String { Quantity.fixed(value, decimals: 1) }
    }
}

/// Which way a text runs.
enum TextDirection {
    /// By its first strong character (Unicode Standard Annex 9, rules P2 and P3), judged by script block.
    static func isRightToLeft(_ text: String) -> Bool {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: return true
            default: if scalar.properties.isAlphabetic { return false }
            }
        }
        return false
    }
}
