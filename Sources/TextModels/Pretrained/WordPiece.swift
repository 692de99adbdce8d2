import Base
@_spi(_Unicode) import Swift

/// BERT's tokeniser (Devlin et al. 2019; Wu et al. 2016, section 4.1): text is cleaned, cut at white space, punctuation and
/// Chinese characters, and each word into the longest pieces of the vocabulary, left to right.
package struct WordPiece: Sendable {
    /// Letters of a word beyond which it is unknown as a whole.
    private static let longestWord = 100

    let isLowercase: Bool
    private let pieces: Set<String>
    private let longest: Int

    init(pieces: [String], isLowercase: Bool) {
        self.pieces = Set(pieces)
        self.isLowercase = isLowercase
        longest = pieces.reduce(0) { max($0, $1.unicodeScalars.count) }
    }

    /// Pieces with the UTF-8 ranges they came from; a piece inside a word begins with `##`.
    package func tokens(of text: String) -> [TextToken] {
        var found: [TextToken] = []
        var word: [(scalar: Unicode.Scalar, range: Range<Int>)] = []
        func end() {
            if !word.isEmpty { found += cut(word) }
            word.removeAll(keepingCapacity: true)
        }
        var position = 0
        for scalar in text.unicodeScalars {
            let range = position..<position + UTF8.width(scalar)
            position = range.upperBound
            if WordPiece.isSpace(scalar) {
                end()
                continue
            }
            if WordPiece.isRemoved(scalar) { continue }
            let isAlone = WordPiece.isChinese(scalar)
            if isAlone { end() }
            for part in normalised(scalar) {
                if WordPiece.isSpace(part) {
                    end()
                } else if WordPiece.isPunctuation(part) {
                    end()
                    found += cut([(part, range)])
                } else {
                    word.append((part, range))
                }
            }
            if isAlone { end() }
        }
        end()
        return found
    }

    private func normalised(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if !isLowercase { return [scalar] }
        if scalar.isASCII {
            return scalar.value >= 0x41 && scalar.value <= 0x5a
                ? [Unicode.Scalar(UInt8(scalar.value) | 0x20)] : [scalar]
        }
        return String(scalar)._nfd.filter { $0.properties.generalCategory != .nonspacingMark }
            .flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
    }

    private func cut(_ word: [(scalar: Unicode.Scalar, range: Range<Int>)]) -> [TextToken] {
        func text(_ range: Range<Int>) -> String {
            var view = String.UnicodeScalarView()
            for place in range { view.append(word[place].scalar) }
            return String(view)
        }
        let whole = word[0].range.lowerBound..<word[word.count - 1].range.upperBound
        guard word.count <= WordPiece.longestWord else { return [TextToken(text: "[UNK]", range: whole)] }
        var found: [TextToken] = []
        var start = 0
        while start < word.count {
            var end = min(word.count, start + longest)
            while end > start {
                let piece = (start > 0 ? "##" : "") + text(start..<end)
                if pieces.contains(piece) {
                    found.append(
                        TextToken(
                            text: piece, range: word[start].range.lowerBound..<word[end - 1].range.upperBound))
                    break
                }
                end -= 1
            }
            if end == start { return [TextToken(text: "[UNK]", range: whole)] }
            start = end
        }
        return found
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    private static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value == 0 || scalar.value == 0xfffd { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned: return true
        default: return false
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f, 0x2b740...0x2b81f,
            0x2b820...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
            return true
        default: return false
        }
    }
}
