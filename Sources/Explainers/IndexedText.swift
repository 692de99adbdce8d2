import Base

/// A text cut into words and what stands between them, as LIME does (lime/lime_text.py, `IndexedString`): separators
/// are runs of `\W` in Python's sense and always stay; words are compared by code points, with their case. The two texts
/// of a pair (U+001E between them) have words of their own.
public struct IndexedText: MaskableText {
    /// What hides a word when repeats are kept apart.
    public static let maskWord = "UNKWORDZ"

    /// One feature: a distinct word (repeats merged), or one occurrence (repeats kept apart).
    public struct Word: Hashable, Sendable {
        public var text: String
        /// UTF-8 offsets, in order.
        public var occurrences: [Range<Int>]
    }

    public let text: String
    public let words: [Word]
    /// True: hiding a word removes all its occurrences. False: each occurrence is replaced by `maskWord` on its own.
    public let mergesRepeats: Bool
    private let bytes: [UInt8]
    /// The text in pieces with the word each one is, -1 for separators.
    private let parts: [(range: Range<Int>, word: Int)]

    public init(_ text: String, mergesRepeats: Bool = true) {
        let bytes = Array(text.utf8)
        self.text = text
        self.bytes = bytes
        self.mergesRepeats = mergesRepeats
        var pieces: [(range: Range<Int>, word: Int)] = []
        var words: [Word] = []
        // Keyed by bytes: Swift's strings compare by canonical equivalence, Python's do not.
        var known: [ArraySlice<UInt8>: Int] = [:]
        var start = 0
        var offset = 0
        var inWord = false
        func close() {
            guard offset > start else { return }
            guard inWord else { return pieces.append((start..<offset, -1)) }
            let spelling = bytes[start..<offset]
            if mergesRepeats, let id = known[spelling] {
                words[id].occurrences.append(start..<offset)
                pieces.append((start..<offset, id))
            } else {
                known[spelling] = words.count
                pieces.append((start..<offset, words.count))
                words.append(Word(text: String(decoding: spelling, as: UTF8.self), occurrences: [start..<offset]))
            }
        }
        for scalar in text.unicodeScalars {
            let isWord = IndexedText.isWordCharacter(scalar)
            if isWord != inWord {
                close()
                start = offset
                inWord = isWord
            }
            // A word of one text of a pair is not that of the other.
            if scalar == "\u{1e}" { known = [:] }
            offset += UTF8.width(scalar)
        }
        close()
        parts = pieces
        self.words = words
    }

    public var players: Int { words.count }
    public func ranges(of player: Int) -> [Range<Int>] { words[player].occurrences }
    public var pieces: [(bytes: Range<Int>, player: Int?)]? { parts.map { ($0.range, $0.word < 0 ? nil : $0.word) } }
    public var collapsesRuns: Bool { false }
    public var replacement: String { mergesRepeats ? "" : IndexedText.maskWord }

    /// `\w` of Python's `re`: letters, everything numeric, and the underscore; combining marks are not among them.
    public static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": return true
            default: return false
            }
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return false
        }
    }

    /// The text with only the words whose bits are set.
    public func masked(_ mask: BitSet) -> String {
        let replacement = mergesRepeats ? [] : Array(IndexedText.maskWord.utf8)
        let hidden = mergesRepeats ? 0 : mask.count - mask.population
        return String(unsafeUninitializedCapacity: bytes.count + hidden * replacement.count) { out in
            var used = 0
            func copy(_ source: Slice<UnsafeBufferPointer<UInt8>>) {
                _ = UnsafeMutableBufferPointer(rebasing: out[used...]).update(fromContentsOf: source)
                used += source.count
            }
            bytes.withUnsafeBufferPointer { bytes in
                replacement.withUnsafeBufferPointer { replacement in
                    // What stands between two hidden words is copied at once.
                    var kept = 0
                    for piece in parts where piece.word >= 0 && !mask[piece.word] {
                        copy(bytes[kept..<piece.range.lowerBound])
                        copy(replacement[...])
                        kept = piece.range.upperBound
                    }
                    copy(bytes[kept...])
                }
            }
            return used
        }
    }
}
