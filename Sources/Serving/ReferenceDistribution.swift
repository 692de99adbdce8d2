import Base

/// What predictions and texts looked like when a model was trained: what those of today are compared with.
///
/// Kept beside the model as `reference.json` (`Documentation/formats/reference.md`).
public struct ReferenceDistribution: Sendable, Hashable {
    public static let fileName = "reference.json"
    /// Upper bounds of the predicted class's probability.
    public static let scoreBounds = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    /// Upper bounds of a text's length in characters (Unicode scalars); longer ones are in a bin of their own.
    public static let lengthBounds: [Double] = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

    /// How many texts it was made of.
    public var texts: Int
    /// The share of texts that are predicted to be of a class, in the order of the labels.
    public var classes: [(label: String, share: Double)]
    /// The share of each bin of `scoreBounds`.
    public var scores: [Double]
    /// The share of each bin of `lengthBounds`, and of longer texts.
    public var lengths: [Double]
    /// The share of words that the model does not know; nil when it keeps no list of words.
    public var unknownWords: Double?

    /// - Parameters:
    ///   - rows: the probabilities of each text.
    ///   - labels: the classes, in the order of the probabilities.
    ///   - words: counts of a text's unknown and of all its words.
    public init(
        texts: [String], rows: [[Double]], labels: [String], words: (String) -> (unknown: Int, all: Int)? = { _ in nil }
    ) {
        var classes = [Double](repeating: 0, count: labels.count)
        var scores = [Double](repeating: 0, count: ReferenceDistribution.scoreBounds.count)
        var lengths = [Double](repeating: 0, count: ReferenceDistribution.lengthBounds.count + 1)
        var counted: (unknown: Int, all: Int)?
        for (text, row) in zip(texts, rows) {
            guard let best = row.indices.max(by: { row[$0] < row[$1] }), best < labels.count else { continue }
            classes[best] += 1
            let bin = ReferenceDistribution.scoreBounds.firstIndex { row[best] <= $0 }
            scores[bin ?? scores.count - 1] += 1
            let length = Double(text.unicodeScalars.count)
            lengths[ReferenceDistribution.lengthBounds.firstIndex { length <= $0 } ?? lengths.count - 1] += 1
            if let (unknown, all) = words(text) {
                counted = ((counted?.unknown ?? 0) + unknown, (counted?.all ?? 0) + all)
            }
        }
        self.texts = min(texts.count, rows.count)
        self.classes = Array(zip(labels, Drift.shares(classes)))
        self.scores = Drift.shares(scores)
        self.lengths = Drift.shares(lengths)
        unknownWords = counted.map { $0.all > 0 ? Double($0.unknown) / Double($0.all) : 0 }
    }

    /// - Throws: `MLError(.invalidInput)` for a document that is none.
    public init(_ json: JSON, name: String = fileName) throws {
        func shares(_ key: String, _ bounds: [Double], extra: Int) throws -> [Double] {
            let values = json[key]?["shares"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            guard json[key]?["bounds"]?.arrayValue?.compactMap(\.doubleValue) == bounds,
                values.count == bounds.count + extra
            else { throw MLError(.invalidInput, "'\(name)' has no '\(key)' that this version knows") }
            return values
        }
        guard json["version"]?.intValue == 1, let texts = json["texts"]?.intValue,
            let classes = json["classes"]?.objectValue, !classes.isEmpty
        else { throw MLError(.invalidInput, "'\(name)' is no distribution that this version knows") }
        self.texts = texts
        self.classes = classes.pairs.map { ($0.key, $0.value.doubleValue ?? 0) }
        scores = try shares("scores", ReferenceDistribution.scoreBounds, extra: 0)
        lengths = try shares("characters", ReferenceDistribution.lengthBounds, extra: 1)
        unknownWords = json["unknown_words"]?.doubleValue
    }

    public var json: JSON {
        var out: JSONObject = [
            "version": 1, "texts": JSON(texts),
            "classes": .object(JSONObject(classes.map { ($0.label, JSON($0.share)) })),
            "scores": ["bounds": JSON(ReferenceDistribution.scoreBounds), "shares": JSON(scores)],
            "characters": ["bounds": JSON(ReferenceDistribution.lengthBounds), "shares": JSON(lengths)],
        ]
        if let unknownWords { out["unknown_words"] = JSON(unknownWords) }
        return .object(out)
    }

    public static func == (a: ReferenceDistribution, b: ReferenceDistribution) -> Bool { a.json == b.json }

    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
