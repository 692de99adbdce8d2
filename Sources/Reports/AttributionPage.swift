extension AttributionReport {
    /// One self-contained HTML page: no scripts, nothing loaded, light and dark after the reader's setting.
    ///
    /// Beside the colour, words that pull towards the label carry a solid line and a `+`, words against it a dashed
    /// line and a `−`; each word's value is its tooltip.
    public func html(title: String = "Word importance") -> String {
        AttributionReport.pageHead(title: title) + pageRows() + AttributionReport.pageFoot
    }

    /// The page up to its first row.
    public static func pageHead(title: String) -> String {
        var out =
            documentHead(title: title) + """
                <p class="legend">Legend: <span class="w neg" style="--l:60">Negative</span> \
                <span class="w">Neutral</span> <span class="w pos" style="--l:50">Positive</span></p>
                <table>
                <thead><tr>

                """
        for title in AttributionReport.titles { out += "<th scope=\"col\">\(title)</th>" }
        return out + "\n</tr></thead>\n<tbody>\n"
    }

    /// A page up to its heading, with the styles of `css` and more.
    static func documentHead(title: String, styles: String = "") -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escapeHTML(title))</title>
        <style>
        \(css)\(styles)
        </style>
        </head>
        <body>
        <h1>\(escapeHTML(title))</h1>

        """
    }

    /// The rows of the page's table.
    public func pageRows() -> String {
        var out = ""
        for item in items {
            out += "<tr>"
            for (index, cell) in [item.trueLabel ?? "-", item.prediction, item.attributionLabel].enumerated() {
                out +=
                    "<td data-title=\"\(AttributionReport.titles[index])\">\(AttributionReport.escapeHTML(cell))</td>"
            }
            out += "<td class=\"n\" data-title=\"\(AttributionReport.titles[3])\">\(item.scoreText)</td>\n"
            // Right-to-left texts run from the right, whatever the page does.
            out += "<td><div dir=\"auto\">"
            out += item.shownWords.map(AttributionReport.span).joined(separator: " ")
            out += "</div>"
            if !item.notes.isEmpty {
                out += "<div class=\"notes\">\(AttributionReport.escapeHTML(item.notes.joined(separator: " · ")))</div>"
            }
            out += "</td></tr>\n"
        }
        return out
    }

    /// The page after its last row.
    public static let pageFoot = "</tbody>\n</table>\n</body>\n</html>\n"

    /// A pipe table; words that pull towards the label are **bold**, words against it *italic*, both with their value.
    public func markdown() -> String {
        AttributionReport.markdownHead + markdownRows() + AttributionReport.markdownFoot
    }

    /// The titles.
    public static let markdownHead =
        "| " + AttributionReport.titles.joined(separator: " | ") + " |\n| --- | --- | --- | ---: | --- |\n"
    /// What the marks mean.
    public static let markdownFoot = "\n**word**(+x): for the attribution label, *word*(-x): against it\n"

    /// The rows of the pipe table.
    public func markdownRows() -> String {
        var out = ""
        for item in items {
            let words = item.shownWords.map { word, value in
                let text = Table.escapeMarkdown(word)
                guard let signed = AttributionReport.signed(value) else { return text }
                return value > 0 ? "**\(text)**(\(signed))" : "*\(text)*(\(signed))"
            }
            let notes = item.notes.map(Table.escapeMarkdown).joined(separator: " · ")
            let last = words.joined(separator: " ") + (notes.isEmpty ? "" : "<br>\(notes)")
            let cells = [item.trueLabel ?? "-", item.prediction, item.attributionLabel].map(Table.escapeMarkdown)
            out += "| " + (cells + [item.scoreText, last]).joined(separator: " | ") + " |\n"
        }
        return out
    }

    /// `text` with everything HTML acts on as character references, and controls spelled out.
    static func escapeHTML(_ text: String) -> String {
        var out = ""
        for scalar in TextWidth.escapingControls(text).unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func span(_ word: String, value: Double) -> String {
        let text = escapeHTML(word)
        let lightness = shade(value).lightness
        guard lightness < 100 else { return "<span class=\"w\">\(text)</span>" }
        let tip = signed(value) ?? "0.00"
        return
            "<span class=\"w \(value > 0 ? "pos" : "neg")\" style=\"--l:\(lightness)\" title=\"\(tip)\">\(text)</span>"
    }

    /// Light: Captum's colours under black text. Dark: the same hues at half the complement of the lightness, so that
    /// strong words are brightest in both; text keeps a contrast above 4.5:1 (WCAG 2.2, 1.4.3).
    static let css = """
        :root { color-scheme: light dark; --ink: #111; --paper: #fff; --rule: #bbb; --faint: #555 }
        body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: var(--ink); background: var(--paper);
          font: 1rem/1.7 system-ui, sans-serif }
        h1 { font-size: 1.3rem }
        table { border-collapse: collapse; width: 100% }
        th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--rule) }
        td.n { text-align: right; font-variant-numeric: tabular-nums }
        th:nth-child(4) { text-align: right }
        td:last-child { overflow-wrap: anywhere }
        div[dir] { text-align: start }
        .w { padding: 0 .2em; border-radius: .2em }
        .pos { background: hsl(120 75% calc(var(--l) * 1%)); border-bottom: 2px solid }
        .neg { background: hsl(0 75% calc(var(--l) * 1%)); border-bottom: 2px dashed }
        .pos::after, .neg::after { font-size: .75em; vertical-align: super }
        .pos::after { content: "+" }
        .neg::after { content: "\\2212" }
        .notes { color: var(--faint); font-size: .85rem }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #fff; --paper: #161616; --rule: #444; --faint: #aaa }
          .pos { background: hsl(120 60% calc((108 - var(--l)) * .5%)) }
          .neg { background: hsl(0 60% calc((108 - var(--l)) * .5%)) }
        }
        @media (max-width: 45rem) {
          thead { display: none }
          tr, td { display: block; border: 0 }
          tr { border-bottom: 1px solid var(--rule); padding: .6rem 0 }
          td.n { text-align: left }
          td[data-title]::before { content: attr(data-title) ": "; color: var(--faint) }
        }
        """
}
