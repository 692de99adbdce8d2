import Base

/// What changed between two models' explanations of one text for one class.
public struct AttributionDifference: Sendable {
    /// A word's values before and after.
    public struct Word: Hashable, Sendable {
        public var text: String
        /// UTF-8 offsets of its places.
        public var occurrences: [Range<Int>]
        public var before: Double
        public var after: Double
        public var change: Double { after - before }
    }

    /// All words in the order of the text.
    public var words: [Word]
    /// How much the class's probability at the text with no words changed.
    public var baseChange: Double

    /// - Throws: `invalidInput` for explanations of different texts, classes or methods: their values do not compare.
    public init(_ before: Attribution, _ after: Attribution) throws {
        guard before.text.utf8.elementsEqual(after.text.utf8), before.target == after.target,
            before.method == after.method
        else {
            throw MLError(
                .invalidInput, "only explanations of the same text, label and method can be compared",
                hint: "give '--target' and '--method'")
        }
        var places: [[Range<Int>]: Int] = [:]
        var words: [Word] = []
        for (isAfter, attribution) in [(false, before), (true, after)] {
            let bytes = Array(attribution.text.utf8)
            for word in attribution.words {
                // Units of a layer have no place; their name says which they are.
                let key = word.occurrences
                let index: Int
                if !key.isEmpty, let known = places[key] {
                    index = known
                } else if key.isEmpty,
                    let known = words.firstIndex(where: { $0.occurrences.isEmpty && $0.text == word.text })
                {
                    index = known
                } else {
                    index = words.count
                    places[key] = index
                    let text = key.first.map { String(decoding: bytes[$0], as: UTF8.self) } ?? word.text
                    words.append(Word(text: text, occurrences: key, before: 0, after: 0))
                }
                if isAfter { words[index].after += word.value } else { words[index].before += word.value }
            }
        }
        self.words = words.sorted {
            ($0.occurrences.first?.lowerBound ?? .max, $0.text) < ($1.occurrences.first?.lowerBound ?? .max, $1.text)
        }
        baseChange = after.base - before.base
    }

    /// Sum of the words' changes.
    public var sum: Double { words.reduce(0) { $0 + $1.change } }

    /// The words that changed most, the largest first, equals in the order of the text.
    public var largest: [Word] {
        words.enumerated().sorted { a, b in
            (abs(b.element.change), a.offset) < (abs(a.element.change), b.offset)
        }.map(\.element)
    }
}
