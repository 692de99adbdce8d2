import Base

/// Cuts text into lower-case words, numbers and single marks.
///
/// A word is a run of letters, digits and `_` of any script; `n't`, `'s`, `'re`, `'ve`, `'ll`, `'d` and `'m` are words of
/// their own (Penn Treebank's contractions); every other visible character stands alone; the line-break tag `<br />` of
/// web texts separates. The same text always gives the same tokens: nothing is learned.
public enum Tokeniser {
    /// The name under which model files remember how their text was cut.
    public static let version = "words.v1"

    /// All tokens, with the UTF-8 offsets they came from.
    ///
    /// - Parameter isLowercase: capitals become small letters.
    public static func tokens(of text: String, isLowercase: Bool = true) -> [TextToken] {
        var found: [TextToken] = []
        forEach(in: text, isLowercase: isLowercase) { found.append(TextToken(text: $0, range: $1)) }
        return found
    }

    /// The tokens' texts alone.
    public static func words(of text: String) -> [String] {
        var found: [String] = []
        forEach(in: text) { word, _ in found.append(word) }
        return found
    }

    /// Calls `body` with each token and its UTF-8 range.
    public static func forEach(
        in text: String, isLowercase: Bool = true, _ body: (String, Range<Int>) -> Void
    ) {
        var text = text
        text.withUTF8 { bytes in
            var scanner = Scanner(bytes: bytes, isLowercase: isLowercase)
            scanner.run(body)
        }
    }

    private struct Scanner {
        let bytes: UnsafeBufferPointer<UInt8>
        let isLowercase: Bool
        var position = 0

        mutating func run(_ body: (String, Range<Int>) -> Void) {
            while position < bytes.count {
                let start = position
                let unit = unit(at: position)
                if unit.isWord {
                    skipWord()
                    emitWord(start, position, body)
                } else if bytes[start] == UInt8(ascii: "'"), let end = contractionEnd(start) {
                    position = end
                    body(lowered(start, end), start..<end)
                } else if bytes[start] == UInt8(ascii: "<"), isLineBreak(start) {
                    position += 6
                } else {
                    position += unit.length
                    if !unit.isSpace { body(lowered(start, position), start..<position) }
                }
            }
        }

        /// `don't` is `do` and `n't`; anything else before an apostrophe stays whole.
        private mutating func emitWord(_ start: Int, _ end: Int, _ body: (String, Range<Int>) -> Void) {
            let endsInN = bytes[end - 1] | 0x20 == UInt8(ascii: "n")
            if endsInN, end + 1 < bytes.count, bytes[end] == UInt8(ascii: "'"),
                bytes[end + 1] | 0x20 == UInt8(ascii: "t"),
                isBoundary(end + 2)
            {
                if end - 1 > start { body(lowered(start, end - 1), start..<end - 1) }
                position = end + 2
                body("n't", end - 1..<end + 2)
                return
            }
            body(lowered(start, end), start..<end)
        }

        /// The end of `'s`, `'re` and kin that begins at an apostrophe; nil when there is none.
        private func contractionEnd(_ start: Int) -> Int? {
            func letter(_ offset: Int) -> UInt8 { start + offset < bytes.count ? bytes[start + offset] | 0x20 : 0 }
            switch (letter(1), letter(2)) {
            case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
                (UInt8(ascii: "l"), UInt8(ascii: "l")):
                return isBoundary(start + 3) ? start + 3 : nil
            case (UInt8(ascii: "s"), _), (UInt8(ascii: "d"), _), (UInt8(ascii: "m"), _):
                return isBoundary(start + 2) ? start + 2 : nil
            default: return nil
            }
        }

        private func isBoundary(_ index: Int) -> Bool { index >= bytes.count || !unit(at: index).isWord }

        private func isLineBreak(_ start: Int) -> Bool {
            guard start + 6 <= bytes.count else { return false }
            let tag: StaticString = "<br />"
            return tag.withUTF8Buffer { expected in
                (0..<6).allSatisfy { bytes[start + $0] == expected[$0] || bytes[start + $0] | 0x20 == expected[$0] }
            }
        }

        private mutating func skipWord() {
            while position < bytes.count {
                let unit = unit(at: position)
                if !unit.isWord { return }
                position += unit.length
            }
        }

        private struct Unit {
            var length: Int
            var isWord: Bool
            var isSpace: Bool
        }

        private func unit(at index: Int) -> Unit {
            let byte = bytes[index]
            if byte < 0x80 {
                let isLetter = (0x61...0x7a).contains(byte | 0x20)
                let isWord = isLetter || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
                return Unit(length: 1, isWord: isWord, isSpace: byte <= 0x20 || byte == 0x7f)
            }
            let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
            var iterator = bytes[index..<min(index + length, bytes.count)].makeIterator()
            var decoder = UTF8()
            guard case .scalarValue(let scalar) = decoder.decode(&iterator) else {
                return Unit(length: 1, isWord: false, isSpace: true)
            }
            let properties = scalar.properties
            let isMark =
                properties.canonicalCombiningClass != .notReordered || properties.generalCategory == .nonspacingMark
            let isWord = properties.isAlphabetic || properties.numericType != nil || isMark
            return Unit(length: length, isWord: isWord, isSpace: properties.isWhitespace)
        }

        private func lowered(_ start: Int, _ end: Int) -> String {
            let part = UnsafeBufferPointer(rebasing: bytes[start..<end])
            if part.allSatisfy({ $0 < 0x80 }) {
                return String(unsafeUninitializedCapacity: part.count) { out in
                    for (index, byte) in part.enumerated() {
                        out[index] = isLowercase && (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
                    }
                    return part.count
                }
            }
            let whole = String(decoding: part, as: UTF8.self)
            return isLowercase ? whole.lowercased() : whole
        }
    }
}
