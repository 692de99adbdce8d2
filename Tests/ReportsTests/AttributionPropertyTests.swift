import Reports
import Testing

/// What must hold for any explained text.
@Suite struct AttributionPropertyTests {
    private func random(_ seed: UInt64) -> AttributionReport {
        var source = RandomText(seed: seed)
        return AttributionReport(
            items: (0..<3).map { _ in
                AttributionReport.Item(
                    text: "", trueLabel: source.text(), predictedLabel: source.text(), probability: 0.5,
                    attributionLabel: source.text(), score: 0.1,
                    words: (0..<source.below(12)).map { _ in (source.text(), Double(source.below(7)) / 3 - 1) },
                    method: source.text(), remarks: [source.text(), source.text()])
            })
    }

    @Test func `every line fits, for any text and width`() {
        for seed in 0..<40 {
            let report = random(UInt64(seed))
            for width in [20, 45, 60, 80, 133] {
                for colour in [ColourDepth.none, .palette256, .truecolor] {
                    let shown = report.terminal(width: width, colour: colour)
                    #expect(
                        shown.lines.allSatisfy { TextWidth.columns($0.withoutStyles) <= width },
                        "seed \(seed), \(width)")
                    let rest = colour == .none ? shown : shown.withoutStyles
                    #expect(rest.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7F })
                }
            }
        }
    }

    @Test func `no text breaks out of the page`() {
        for seed in 0..<150 {
            let page = random(UInt64(seed)).html(title: "a<b>\"c\"&amp;'")
            let body = page[page.firstRange(of: "<body>")!.upperBound...]
            var tags: [String] = []
            var tag: String.UnicodeScalarView?
            var quoted = false
            for scalar in body.unicodeScalars {
                if var open = tag {
                    if scalar == "\"" { quoted.toggle() }
                    #expect(scalar != "<")
                    if scalar == ">", !quoted {
                        tags.append(String(open.prefix { $0 != " " && $0 != "\n" }))
                        tag = nil
                    } else {
                        open.append(scalar)
                        tag = open
                    }
                } else if scalar == "<" {
                    tag = .init()
                } else {
                    #expect(scalar != ">" && scalar != "\"" && scalar != "'", "seed \(seed)")
                    #expect(scalar == "\n" || scalar.value >= 0x20)
                }
            }
            let ours: Set<String> = [
                "h1", "p", "span", "table", "thead", "tbody", "tr", "th", "td", "div", "body", "html",
            ]
            var open = ["html", "body"]
            for name in tags {
                if name.hasPrefix("/") {
                    #expect(open.popLast() == String(name.dropFirst()))
                } else {
                    #expect(ours.contains(name))
                    open.append(name)
                }
            }
            #expect(open.isEmpty)
        }
    }
}
