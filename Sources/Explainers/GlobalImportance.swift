import Base

/// What words weigh over many texts: sums that grow with the vocabulary, not with the number of texts.
public struct GlobalImportance: Sendable {
    /// A word over all texts.
    public struct Word: Sendable {
        public var text: String
        /// Texts it is in.
        public var texts: Int
        /// Σ|value|/number of all texts: how much it moves answers on the whole.
        public var importance: Double
        /// By the class explained: the mean value over the texts of that class that have the word; nil where none has.
        public var byClass: [Double?]
        /// The text in which it weighs most.
        public var example: (text: String, row: Int?, value: Double)
    }

    private struct Sums {
        var texts = 0
        var sizes = 0.0
        var values: [Double]
        var counts: [Int]
        var example: (text: String, row: Int?, value: Double)
    }

    public let labels: [String]
    public private(set) var texts = 0
    private var words: [String: Sums] = [:]

    public init(labels: [String]) { self.labels = labels }

    /// Adds an explanation; repeats of a word in it count together, in any case.
    public mutating func add(_ attribution: Attribution, row: Int? = nil) {
        texts += 1
        guard let label = labels.firstIndex(of: attribution.target) else { return }
        var values: [String: Double] = [:]
        for word in attribution.words { values[word.text.lowercased(), default: 0] += word.value }
        for (word, value) in values {
            var sums =
                words[word]
                ?? Sums(
                    values: labels.map { _ in 0 }, counts: labels.map { _ in 0 },
                    example: (attribution.text, row, value))
            sums.texts += 1
            sums.sizes += abs(value)
            sums.values[label] += value
            sums.counts[label] += 1
            if abs(value) > abs(sums.example.value) { sums.example = (attribution.text, row, value) }
            words[word] = sums
        }
    }

    /// The words of the largest importance, equals by their spelling.
    public func top(_ count: Int) -> [Word] {
        words.sorted { ($1.value.sizes, $0.key) < ($0.value.sizes, $1.key) }.prefix(count).map { word, sums in
            Word(
                text: word, texts: sums.texts, importance: sums.sizes / Double(max(1, texts)),
                byClass: zip(sums.values, sums.counts).map { $1 == 0 ? nil : $0 / Double($1) }, example: sums.example)
        }
    }
}
