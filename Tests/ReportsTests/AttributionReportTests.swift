import Base
import Reports
import Testing

@Suite struct AttributionReportTests {
    private let review = AttributionReport.Item(
        text: "it was a fantastic performance", trueLabel: "pos", predictedLabel: "pos", probability: 0.9642,
        attributionLabel: "pos", score: 1.2917,
        words: [("it", 0), ("was", -0.1), ("a", 0.001), ("fantastic", 0.8), ("performance", 0.3), ("<pad>", 0)],
        method: "lime", remarks: ["weighted R² 0.91"])
    private let evil = AttributionReport.Item(
        text: "x", predictedLabel: "<b>&\u{1b}[2J", probability: 1, attributionLabel: "neg", score: -0.5,
        words: [("<script>alert('1')</script>", -1), ("a|b\"", 2)], method: "ig")

    @Test func `without colours the values stand behind the words and long texts wrap`() {
        let expected = """
            True   Predicted   Attribution  Attribution  Word Importance
            Label  Label       Label              Score
            pos    pos (0.96)  pos                 1.29  it was(-0.12) a fantastic(+0.93)
                                                         performance(+0.35) #pad
                                                         lime · weighted R² 0.91
            Legend: word(+x) for the attribution label, word(-x) against it

            """
        #expect(AttributionReport(items: [review]).terminal(width: 80) == expected)
        let wide = """
            True Label  Predicted Label  Attribution Label  Attribution Score  Word Importance
            pos         pos (0.96)       pos                             1.29  it was(-0.12) a fantastic(+0.93)

            """
        #expect(AttributionReport(items: [review]).terminal(width: 140).hasPrefix(wide.dropLast()))
    }

    @Test func `with colours the backgrounds follow Captum's rule`() {
        let text = AttributionReport(items: [review]).terminal(width: 80, colour: .truecolor)
        #expect(
            text.contains("it \u{1b}[38;2;0;0;0;48;2;252;237;237;4mwas\u{1b}[0m a \u{1b}[38;2;0;0;0;48;2;50;226;50m"))
        let palette = AttributionReport(items: [review]).terminal(width: 80, colour: .palette256)
        #expect(palette.contains("\u{1b}[38;5;16;48;5;77mfantastic\u{1b}[0m"))
        #expect(!palette.contains("fantastic(+"))
        #expect(AttributionReport.background(1) == RGB(hue: 120, saturation: 75, lightness: 50))
        #expect(AttributionReport.background(-2) == RGB(hue: 0, saturation: 75, lightness: 60))
        #expect(AttributionReport.background(0.5) == RGB(hue: 120, saturation: 75, lightness: 75))
        #expect(AttributionReport.background(0) == nil)
        #expect(AttributionReport.background(.nan) == nil)
    }

    @Test func `colours convert as CSS and xterm define them`() {
        #expect(RGB(hue: 120, saturation: 75, lightness: 50) == RGB(32, 223, 32))
        #expect(RGB(hue: 0, saturation: 100, lightness: 50) == RGB(255, 0, 0))
        #expect(RGB(hue: 240, saturation: 100, lightness: 25) == RGB(0, 0, 128))
        #expect(RGB(255, 0, 0).paletteIndex == 196)
        #expect(RGB(255, 255, 255).paletteIndex == 231)
        #expect(RGB(128, 128, 128).paletteIndex == 244)
        #expect(RGB(0, 0, 0).paletteIndex == 16)
    }

    @Test func `no line is wider than the terminal and none carries foreign controls`() {
        for width in [20, 40, 59, 60, 80, 97, 200] {
            let text = AttributionReport(items: [review, evil]).terminal(width: width)
            for line in text.split(separator: "\n") { #expect(TextWidth.columns(String(line)) <= width, "\(line)") }
            #expect(!text.unicodeScalars.contains("\u{1b}"))
        }
        let coloured = AttributionReport(items: [evil]).terminal(width: 80, colour: .palette256)
        #expect(!coloured.contains("\u{1b}[2J"))
    }

    @Test func `html is one page with everything escaped and sign beyond hue`() {
        let page = AttributionReport(items: [review, evil]).html(title: "a<b")
        #expect(page.contains("<title>a&lt;b</title>"))
        #expect(!page.contains("<script"))
        #expect(!page.contains("<b>"))
        #expect(!page.unicodeScalars.contains("\u{1b}"))
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"))
        #expect(page.contains(#"<span class="w pos" style="--l:54" title="+0.93">fantastic</span>"#))
        #expect(page.contains(#"<span class="w neg" style="--l:96" title="-0.12">was</span>"#))
        #expect(page.contains("prefers-color-scheme: dark"))
        #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("src="))
        for tag in ["table", "tr", "td", "th", "span", "div", "html", "head", "body", "style", "tbody", "thead"] {
            let opened = page.components(of: "<\(tag)>") + page.components(of: "<\(tag) ")
            #expect(opened == page.components(of: "</\(tag)>"), "\(tag)")
        }
    }

    @Test func `markdown marks the direction of each word`() {
        let expected = """
            | True Label | Predicted Label | Attribution Label | Attribution Score | Word Importance |
            | --- | --- | --- | ---: | --- |
            | - | &lt;b&gt;&amp;\\\\x1b\\[2J (1.00) | neg | -0.50 | \
            *&lt;script&gt;alert('1')&lt;/script&gt;*(-0.45) **a\\|b"**(+0.89)<br>ig |

            **word**(+x): for the attribution label, *word*(-x): against it

            """
        #expect(AttributionReport(items: [evil]).markdown() == expected)
    }

    @Test func `values are normalised by their L2 norm at any scale, and items without words have a row`() {
        var item = review
        item.words = [("a", 3e200), ("b", -4e200)]
        #expect(abs(item.normalizedValues[0] - 0.6) < 1e-12 && abs(item.normalizedValues[1] + 0.8) < 1e-12)
        item.words = [("a", 0), ("b", .nan)]
        #expect(item.normalizedValues == [0, 0])
        item.words = []
        item.method = ""
        item.remarks = []
        #expect(
            AttributionReport(items: [item]).terminal(width: 80).contains(
                "pos    pos (0.96)  pos                 1.29\n"))
        #expect(AttributionReport(items: []).html().contains("<tbody>\n</tbody>"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
