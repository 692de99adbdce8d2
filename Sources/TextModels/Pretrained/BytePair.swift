import Base

/// Byte-pair encoding over bytes (Sennrich, Haddow & Birch 2016; in the form of Radford et al. 2019, section 2.2): a text is cut
/// into words with the space before them, each word's bytes are written as visible letters, and neighbouring pieces are
/// joined in the order in which the merges were learned.
package struct BytePair: PieceReader {
    package let merges: [String]
    private let isPrefixed: Bool
    private let ranks: [Pair: Int]
    private let pieces: Set<String>

    private struct Pair: Hashable {
        var first: String
        var second: String
    }

    /// - Parameters:
    ///   - merges: "first second", the first one learned first.
    ///   - isPrefixed: a space is put before the text.
    ///   - name: of the file, for messages.
    /// - Throws: `MLError(.invalidInput)` for a line that is no pair, or joins to no piece of the vocabulary.
    init(pieces: [String], merges: [String], isPrefixed: Bool, name: String) throws {
        self.merges = merges
        self.isPrefixed = isPrefixed
        self.pieces = Set(pieces)
        var ranks: [Pair: Int] = [:]
        for (rank, merge) in merges.enumerated() {
            let parts = merge.split(separator: " ").map(String.init)
            guard parts.count == 2 else {
                throw MLError(.invalidInput, "'\(name)': merge \(rank + 1) '\(merge)' is no pair of pieces")
            }
            guard self.pieces.contains(parts[0] + parts[1]) else {
                throw MLError(
                    .invalidInput,
                    "'\(name)': merge \(rank + 1) makes '\(parts[0] + parts[1])', which the vocabulary lacks")
            }
            if ranks[Pair(first: parts[0], second: parts[1])] == nil {
                ranks[Pair(first: parts[0], second: parts[1])] = rank
            }
        }
        self.ranks = ranks
    }

    package var json: JSON { ["kind": "bpe", "prefix_space": .bool(isPrefixed)] }

    package func tokens(of text: String) -> [TextToken] {
        var found: [TextToken] = []
        let isShifted = isPrefixed && !text.isEmpty && text.unicodeScalars.first != " "
        let shift = isShifted ? 1 : 0
        let scalars = Array((isShifted ? " " + text : text).unicodeScalars)
        var position = 0
        for word in BytePair.words(scalars) {
            let bytes = scalars[word].flatMap { Array(String($0).utf8) }
            for (piece, length) in joined(bytes) {
                found.append(
                    TextToken(text: piece, range: max(0, position - shift)..<max(0, position + length - shift)))
                position += length
            }
        }
        return found
    }

    /// The pieces of a word, with the bytes each stands for.
    private func joined(_ bytes: [UInt8]) -> [(piece: String, bytes: Int)] {
        var parts = bytes.map { (piece: BytePair.letters[Int($0)], bytes: 1) }
        while parts.count > 1 {
            var best: (rank: Int, pair: Pair)?
            for index in 0..<parts.count - 1 {
                let pair = Pair(first: parts[index].piece, second: parts[index + 1].piece)
                if let rank = ranks[pair], best.map({ rank < $0.rank }) ?? true { best = (rank, pair) }
            }
            guard let pair = best?.pair else { break }
            var next: [(piece: String, bytes: Int)] = []
            var index = 0
            while index < parts.count {
                if index + 1 < parts.count, parts[index].piece == pair.first, parts[index + 1].piece == pair.second {
                    next.append((pair.first + pair.second, parts[index].bytes + parts[index + 1].bytes))
                    index += 2
                } else {
                    next.append(parts[index])
                    index += 1
                }
            }
            parts = next
        }
        return parts
    }

    /// Words as GPT-2's pattern cuts them: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    static func words(_ text: [Unicode.Scalar]) -> [Range<Int>] {
        enum Kind { case letter, number, space, other }
        func kind(_ index: Int) -> Kind {
            if text[index].properties.isWhitespace { return .space }
            switch text[index].properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
            case .decimalNumber, .letterNumber, .otherNumber: return .number
            default: return .other
            }
        }
        func run(_ start: Int, _ wanted: Kind) -> Int {
            var end = start
            while end < text.count, kind(end) == wanted { end += 1 }
            return end
        }
        let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.unicodeScalars) }
        var found: [Range<Int>] = []
        var position = 0
        while position < text.count {
            let start = position
            if let short = contractions.first(where: { text[position...].starts(with: $0) }) {
                position += short.count
            } else if kind(position) != .space {
                position = run(position, kind(position))
            } else if text[position] == " ", position + 1 < text.count, kind(position + 1) != .space {
                position = run(position + 1, kind(position + 1))
            } else {
                // White space before a word leaves its last mark to the word.
                let end = run(position, .space)
                position = end < text.count && end - start > 1 ? end - 1 : end
            }
            found.append(start..<position)
        }
        return found
    }

    /// A visible letter for each byte: itself where it is one, else one from U+0100 on.
    package static let letters: [String] = {
        var next: UInt32 = 0x100
        return (0..<256).map { byte -> String in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                return String(Unicode.Scalar(UInt8(byte)))
            }
            defer { next += 1 }
            return Unicode.Scalar(next).map { String($0) } ?? ""
        }
    }()
}
