import Base

/// Exchanges words of a text for others, to see whether the answer moves with them.
public struct WordSwap: Hashable, Sendable {
    public let first: String
    public let second: String

    public init(_ first: String, _ second: String) {
        self.first = first
        self.second = second
    }

    /// `he=she,actor=actress`.
    ///
    /// - Throws: `usage` for what is no pair.
    public static func parse(_ text: String) throws -> [WordSwap] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { pair in
            let sides = pair.split(separator: "=", omittingEmptySubsequences: false).map { side in
                String(String(side).drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            }
            guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty, sides[0].lowercased() != sides[1].lowercased()
            else { throw MLError(.usage, "'\(pair)' is no swap", hint: "a swap is two words: he=she") }
            return WordSwap(sides[0], sides[1])
        }
    }

    /// The text with every `first` made a `second` and the other way round, where they stand as whole words in any case;
    /// capitals are kept. Nil when neither is there.
    ///
    /// - Returns: the two versions of the text: as it would be with `first`, and with `second`. The text itself is the
    ///   first of them if it has `first`, or else the second.
    public func versions(of text: String) -> (first: String, second: String, textIsFirst: Bool)? {
        var swapped = ""
        var found: Bool?
        var word = ""
        func flush() {
            defer { word = "" }
            let key = word.lowercased()
            if key == first.lowercased() {
                found = found ?? true
                swapped += WordSwap.inCase(of: word, second)
            } else if key == second.lowercased() {
                found = found ?? false
                swapped += WordSwap.inCase(of: word, first)
            } else {
                swapped += word
            }
        }
        for character in text {
            let scalars = character.unicodeScalars
            if scalars.first.map(IndexedText.isWordCharacter) ?? false {
                word.append(character)
            } else {
                flush()
                swapped.append(character)
            }
        }
        flush()
        guard let found else { return nil }
        return found ? (text, swapped, true) : (swapped, text, false)
    }

    private static func inCase(of model: String, _ word: String) -> String {
        guard let letter = model.first, letter.isUppercase else { return word }
        if model.count > 1, model.allSatisfy(\.isUppercase) { return word.uppercased() }
        return word.prefix(1).uppercased() + word.dropFirst()
    }
}
