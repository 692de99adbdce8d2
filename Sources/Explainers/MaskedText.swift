import Base

/// A text in segments that can be hidden, as `shap.maskers.Text` cuts and masks it (shap/maskers/_text.py).
///
/// A segment is a token with the separators behind it; the separators behind the last token are dropped and white space
/// is squeezed, so that the variant with everything visible may differ from the text itself. A run of hidden segments
/// becomes one space and the mask token. Repeats of a word are players of their own.
///
/// The mark between the two texts of a pair (U+001E) always stays: each side is squeezed and hidden as a text of its own.
public struct MaskedText: MaskableText {
    /// What separates tokens.
    public enum Splitting: String, CaseIterable, Sendable {
        /// Runs of Python's `\W`: punctuation belongs to the token before it (the package's default).
        case words
        /// Runs of white space (`shap.maskers.Text(r"\s+")`): punctuation between spaces is a token.
        case whitespace

        func separates(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .words: !IndexedText.isWordCharacter(scalar)
            case .whitespace: MaskedText.isSpace(scalar)
            }
        }
    }

    /// What the package writes for hidden segments.
    public static let defaultMaskToken = "..."

    /// A token with its place; `range` does not include the separators that are hidden with it.
    public struct Token: Hashable, Sendable {
        public var text: String
        public var range: Range<Int>
    }

    /// A piece of text with its white space squeezed beforehand.
    private struct Segment {
        let scalars: [Unicode.Scalar]
        /// UTF-8 offsets.
        let range: Range<Int>
        /// What is left between the white space at the ends, runs in it squeezed to one space.
        let core: [UInt8]
        /// White space in front (also of a core that is empty), and behind.
        let leads: Bool
        let trails: Bool

        init(_ scalars: [Unicode.Scalar], range: Range<Int>) {
            self.scalars = scalars
            self.range = range
            var core: [UInt8] = []
            var space = false
            for scalar in MaskedText.stripped(scalars) {
                if MaskedText.isSpace(scalar) {
                    space = true
                } else {
                    if space { core.append(UInt8(ascii: " ")) }
                    space = false
                    core += Array(String(scalar).utf8)
                }
            }
            self.core = core
            leads = scalars.first.map { MaskedText.isSpace($0) } ?? false
            trails = scalars.last.map { MaskedText.isSpace($0) } ?? false
        }
    }

    public let text: String
    public let splitting: Splitting
    /// "" removes hidden segments and leaves a space (the package's mask token " ").
    public let maskToken: String
    public let tokens: [Token]
    private let segments: [Segment]
    private let hidden: Segment
    /// Marks between texts: the player that follows, and where they stand.
    private let marks: [(before: Int, offset: Int)]
    private static let mark: Unicode.Scalar = "\u{1e}"

    public init(_ text: String, splitting: Splitting = .words, maskToken: String = MaskedText.defaultMaskToken) {
        self.text = text
        self.splitting = splitting
        self.maskToken = maskToken
        let scalars = Array(text.unicodeScalars)
        var offsets: [Int] = [0]
        for scalar in scalars { offsets.append(offsets[offsets.count - 1] + UTF8.width(scalar)) }
        var tokens: [Token] = []
        var segments: [Segment] = []
        var marks: [(before: Int, offset: Int)] = []
        var part = 0
        while part <= scalars.count {
            let stop = scalars[part...].firstIndex(of: MaskedText.mark) ?? scalars.count
            // White space behind a mark belongs to no word: it is squeezed away with the mark in front.
            let begin = part == 0 ? 0 : scalars[part..<stop].firstIndex { !MaskedText.isSpace($0) } ?? stop
            let spans = MaskedText.spans(scalars, begin..<stop, splitting)
            for (position, span) in spans.enumerated() {
                let end = position + 1 < spans.count ? max(span.end, spans[position + 1].start) : span.end
                segments.append(Segment(Array(scalars[span.start..<end]), range: offsets[span.start]..<offsets[end]))
                // An empty token stands for its separators.
                let shown = span.end > span.start ? span.start..<span.end : span.start..<end
                let spelling = MaskedText.stripped(scalars[shown])
                tokens.append(
                    Token(
                        text: MaskedText.string(spelling),
                        range: offsets[shown.lowerBound]..<offsets[shown.upperBound]))
            }
            if stop < scalars.count { marks.append((tokens.count, offsets[stop])) }
            part = stop + 1
        }
        self.marks = marks
        self.tokens = tokens
        self.segments = segments
        hidden = Segment(Array((" " + maskToken).unicodeScalars), range: 0..<0)
    }

    /// Starts and ends of the tokens; a text that begins with a separator begins with an empty token.
    private static func spans(
        _ scalars: [Unicode.Scalar], _ part: Range<Int>, _ splitting: Splitting
    ) -> [(start: Int, end: Int)] {
        var spans: [(start: Int, end: Int)] = []
        var start = part.lowerBound
        var index = start
        while index < part.upperBound {
            guard splitting.separates(scalars[index]) else {
                index += 1
                continue
            }
            spans.append((start, index))
            while index < part.upperBound, splitting.separates(scalars[index]) { index += 1 }
            start = index
        }
        if start < part.upperBound { spans.append((start, part.upperBound)) }
        return spans
    }

    public var players: Int { tokens.count }
    public func ranges(of player: Int) -> [Range<Int>] { [segments[player].range] }
    public var pieces: [(bytes: Range<Int>, player: Int?)]? {
        var out: [(bytes: Range<Int>, player: Int?)] = segments.enumerated().map { ($1.range, $0) }
        for mark in marks.reversed() { out.insert((mark.offset..<mark.offset + 1, nil), at: mark.before) }
        return out
    }
    public var collapsesRuns: Bool { true }
    public var replacement: String { " " + maskToken }

    public func masked(_ mask: BitSet) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + hidden.core.count)
        var space = false
        var isFresh = true
        func write(_ segment: Segment) {
            space = space || segment.leads
            if segment.core.isEmpty { return }
            // White space at the ends of a text is stripped.
            if space, !isFresh { out.append(UInt8(ascii: " ")) }
            out += segment.core
            isFresh = false
            space = segment.trails
        }
        var inRun = false
        var marks = marks[...]
        func close(before player: Int) {
            while let mark = marks.first, mark.before == player {
                marks = marks.dropFirst()
                out.append(UInt8(ascii: MaskedText.mark))
                (space, isFresh, inRun) = (false, true, false)
            }
        }
        for (player, segment) in segments.enumerated() {
            close(before: player)
            if mask[player] {
                write(segment)
                inRun = false
            } else if !inRun {
                write(hidden)
                inRun = true
            }
        }
        close(before: segments.count)
        return String(decoding: out, as: UTF8.self)
    }

    /// The hierarchy of the segments that Owen values follow; nil without segments.
    public var tree: PartitionTree? {
        var parts: [PartitionTree] = []
        var start = 0
        for end in marks.map(\.before) + [segments.count] {
            if let tree = PartitionTree(segments: segments[start..<end].map(\.scalars)) { parts.append(tree) }
            start = end
        }
        return PartitionTree(joining: parts)
    }

    /// `str.isspace` of Python, which is also `\s` of its `re`.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Without white space at the ends.
    static func stripped(_ scalars: some BidirectionalCollection<Unicode.Scalar>) -> [Unicode.Scalar] {
        let front = scalars.drop(while: isSpace)
        return Array(front.reversed().drop(while: isSpace).reversed())
    }

    static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
