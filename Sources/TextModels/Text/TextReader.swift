import Base

/// How a model cuts its texts: into words, or into pieces of words; a pair of texts at the mark between them.
struct TextReader: Sendable {
    /// Stands between the two texts of a pair (ASCII's record separator).
    static let pairSeparator = "\u{1e}"

    private let isLowercase: Bool
    private let isPair: Bool
    let pieces: (any PieceReader)?
    private let limit: Int

    /// - Parameter pieces: where words are cut by a vocabulary that was made elsewhere.
    init(_ spec: ModelSpec, pieces: (any PieceReader)? = nil) {
        isLowercase = spec.vectors.isLowercase
        self.pieces = pieces
        // A pretrained encoder reads a text's beginning; what is trained here reads both ends.
        if case .pretrained = spec.vectors.source, case .words(_, _, let limit) = spec.embed {
            self.limit = limit
        } else {
            limit = .max
        }
        if case .align = spec.attend { isPair = true } else { isPair = false }
    }

    var isLowercasePieces: Bool { (pieces as? WordPiece)?.isLowercase ?? true }

    /// Whether texts are cut as `Tokeniser.tokens(of:)` cuts them.
    var isPlain: Bool { pieces == nil && isLowercase && !isPair }

    func tokens(of text: String) -> [TextToken] {
        if let pieces { return Array(pieces.tokens(of: text).prefix(limit)) }
        guard isPair else { return Tokeniser.tokens(of: text, isLowercase: isLowercase) }
        var found: [TextToken] = []
        var start = 0
        for part in text.utf8.split(separator: 0x1e, maxSplits: 1, omittingEmptySubsequences: false) {
            if start > 0 { found.append(TextToken(text: TextReader.pairSeparator, range: start - 1..<start)) }
            for token in Tokeniser.tokens(of: String(Substring(part)), isLowercase: isLowercase) {
                found.append(
                    TextToken(
                        text: token.text, range: token.range.lowerBound + start..<token.range.upperBound + start))
            }
            start += part.count + 1
        }
        return found
    }

    func words(of text: String) -> [String] {
        isPlain ? Tokeniser.words(of: text) : tokens(of: text).map(\.text)
    }
}
