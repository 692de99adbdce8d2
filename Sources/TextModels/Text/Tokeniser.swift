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
            forEachWord(in: bytes, isLowercase: isLowercase) { body(String(decoding: $0, as: UTF8.self), $1) }
        }
    }

    /// Calls `body` with the bytes of each token, which are valid during the call, and its range: no text is made.
    @inline(__always)
    static func forEachWord(
        in text: UnsafeBufferPointer<UInt8>, isLowercase: Bool = true,
        _ body: (UnsafeRawBufferPointer, Range<Int>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, text.count)) { small in
            // All of it at once is what vector instructions are for; letters beyond ASCII are done word by word.
            if isLowercase {
                for index in text.indices {
                    let byte = text[index]
                    small[index] = byte &- 0x41 < 26 ? byte | 0x20 : byte
                }
            } else {
                for index in text.indices { small[index] = text[index] }
            }
            ByteKinds.table.withUnsafeBufferPointer { kinds in
                var scanner = Scanner(
                    bytes: text, small: UnsafeBufferPointer(rebasing: small[..<text.count]), kinds: kinds,
                    isLowercase: isLowercase)
                scanner.run(body)
            }
        }
    }

    /// What an ASCII byte is to the tokeniser.
    private enum ByteKinds {
        static let space: UInt8 = 0
        static let word: UInt8 = 1
        static let mark: UInt8 = 2
        static let beyond: UInt8 = 3

        static let table: [UInt8] = (0...255).map { (byte: UInt8) in
            switch byte {
            case 0x80...: beyond
            case 0x61...0x7a, 0x41...0x5a, 0x30...0x39, UInt8(ascii: "_"): word
            case 0...0x20, 0x7f: space
            default: mark
            }
        }
    }

    private struct Scanner {
        let bytes: UnsafeBufferPointer<UInt8>
        /// The same with small ASCII letters, if such are wanted.
        let small: UnsafeBufferPointer<UInt8>
        let kinds: UnsafeBufferPointer<UInt8>
        let isLowercase: Bool
        var position = 0
        /// Whether the word just skipped has letters beyond ASCII.
        var isBeyond = false

        @inline(__always)
        mutating func run(_ body: (UnsafeRawBufferPointer, Range<Int>) -> Void) {
            while position < bytes.count {
                let start = position
                let kind = kinds[Int(bytes[start])]
                if kind == ByteKinds.space {
                    position += 1
                } else if kind == ByteKinds.word {
                    skipWord()
                    emitWord(start, position, body)
                } else if kind == ByteKinds.beyond {
                    let unit = unit(at: start)
                    if unit.isWord {
                        skipWord()
                        emitWord(start, position, body)
                    } else {
                        position += unit.length
                        isBeyond = true
                        if !unit.isSpace { emit(start, position, body) }
                    }
                } else if bytes[start] == UInt8(ascii: "'"), let end = contractionEnd(start) {
                    position = end
                    isBeyond = false
                    emit(start, end, body)
                } else if bytes[start] == UInt8(ascii: "<"), isLineBreak(start) {
                    position += 6
                } else {
                    position += 1
                    isBeyond = false
                    emit(start, position, body)
                }
            }
        }

        @inline(__always)
        private func emit(_ start: Int, _ end: Int, _ body: (UnsafeRawBufferPointer, Range<Int>) -> Void) {
            if isBeyond, isLowercase {
                var lowered = String(decoding: bytes[start..<end], as: UTF8.self).lowercased()
                lowered.withUTF8 { body(UnsafeRawBufferPointer($0), start..<end) }
            } else {
                body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: small[start..<end])), start..<end)
            }
        }

        /// `don't` is `do` and `n't`; anything else before an apostrophe stays whole.
        @inline(__always)
        private mutating func emitWord(
            _ start: Int, _ end: Int, _ body: (UnsafeRawBufferPointer, Range<Int>) -> Void
        ) {
            let endsInN = bytes[end - 1] | 0x20 == UInt8(ascii: "n")
            if endsInN, end + 1 < bytes.count, bytes[end] == UInt8(ascii: "'"),
                bytes[end + 1] | 0x20 == UInt8(ascii: "t"),
                isBoundary(end + 2)
            {
                if end - 1 > start { emit(start, end - 1, body) }
                position = end + 2
                let not: StaticString = "n't"
                not.withUTF8Buffer { body(UnsafeRawBufferPointer($0), end - 1..<end + 2) }
                return
            }
            emit(start, end, body)
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

        @inline(__always)
        private mutating func skipWord() {
            isBeyond = false
            while position < bytes.count {
                let kind = kinds[Int(bytes[position])]
                if kind == ByteKinds.word {
                    position += 1
                } else {
                    guard kind == ByteKinds.beyond else { return }
                    let unit = unit(at: position)
                    if !unit.isWord { return }
                    isBeyond = true
                    position += unit.length
                }
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
    }
}
