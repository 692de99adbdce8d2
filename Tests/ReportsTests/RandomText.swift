import Base

/// Texts made to break tables: wide and combining characters, emoji, controls, markup, quotes.
struct RandomText {
    private var random: SeededRandom
    private static let pieces = [
        "a", "word", "Zahl", " ", "  ", "\t", "\n", "\r\n", "\u{0}", "\u{1b}[31m", "\u{7}", "\u{9b}2J", "映画", "한국어",
        "e\u{301}", "|\u{301}", "\"\u{308}", "<\u{338}", "👩‍👩‍👧", "🇩🇪", "❤️", "😀", "ﬁ", "ｗ", "שלום", "\u{202e}", "\u{2028}",
        "ก็", "<b>",
        "</td>", "&amp;", "\"", "'", "`", "|", "\\", "*", "_", "[x](y)", ",", ";", "#", "-->", "]", "<script>", "$&",
        "…",
    ]

    init(seed: UInt64) { random = SeededRandom(seed: seed, purpose: "report tests") }

    mutating func text(pieces count: Int = 6) -> String {
        (0..<random.below(count + 1)).map { _ in RandomText.pieces[random.below(RandomText.pieces.count)] }.joined()
    }

    mutating func below(_ bound: Int) -> Int { random.below(bound) }
}

extension String {
    /// Lines without the last line feed.
    var lines: [String] { split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

    /// Without SGR sequences; anything else that begins with ESC stays.
    var withoutStyles: String { replacing(#/\u{1b}\[[0-9;]*m/#, with: "") }
}
