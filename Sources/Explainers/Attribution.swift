import Base

/// How the words of one text pull on a model's probability for one class.
public struct Attribution: Sendable {
    /// One word with its share.
    public struct Word: Hashable, Sendable {
        /// Position among the words of the attribution: for methods that merge repeats, in order of first appearance.
        public var index: Int
        public var text: String
        /// UTF-8 offsets of every place the value stands for, in order; the JSON shows the first.
        public var occurrences: [Range<Int>]
        public var value: Double
        /// Standard error of the value over the method's random samples; nil where nothing was drawn or estimated.
        public var standardError: Double?

        public init(
            index: Int, text: String, occurrences: [Range<Int>], value: Double, standardError: Double? = nil
        ) {
            self.index = index
            self.text = text
            self.occurrences = occurrences
            self.value = value
            self.standardError = standardError
        }

        public var start: Int { occurrences.first?.lowerBound ?? 0 }
        public var end: Int { occurrences.first?.upperBound ?? 0 }
    }

    public var text: String
    /// Name of the method in the registry.
    public var method: String
    /// The method's settings, after defaults.
    public var parameters: JSONObject
    /// The class that is explained.
    public var target: String
    public var predictedLabel: String
    /// Probability of the predicted class.
    public var probability: Double
    /// All words in the order of the text; a word the method left out has the value 0.
    public var words: [Word]
    /// The model's probability of the target where no word is present. Of `linear`: the score of the background; of
    /// `anchors`: the precision without a rule.
    public var base: Double
    /// Constant of the local linear model (LIME).
    public var intercept: Double?
    /// How far the sum is from what it should be: sum − (value at the text − base), for methods that promise equality.
    public var delta: Double?
    /// Weighted R² of the local linear model (LIME).
    public var fit: Double?
    /// Short remarks for readers of a table.
    public var remarks: [String]

    public init(
        text: String, method: String, parameters: JSONObject, target: String, predictedLabel: String,
        probability: Double, words: [Word], base: Double, intercept: Double? = nil, delta: Double? = nil,
        fit: Double? = nil, remarks: [String] = []
    ) {
        self.text = text
        self.method = method
        self.parameters = parameters
        self.target = target
        self.predictedLabel = predictedLabel
        self.probability = probability
        self.words = words
        self.base = base
        self.intercept = intercept
        self.delta = delta
        self.fit = fit
        self.remarks = remarks
    }

    /// Sum of the words' values.
    public var sum: Double { words.reduce(0) { $0 + $1.value } }

    /// Sum of the values over their L2 norm (transformers-interpret, attributions.py, `summarize`): between −√n and √n
    /// for n words, and no probability. 0 without words or when all are 0.
    public var score: Double {
        let largest = words.map { abs($0.value) }.max() ?? 0
        guard largest > 0 else { return 0 }
        // Scaled by the largest so that the squares stay in range.
        let norm = words.reduce(0) { $0 + ($1.value / largest) * ($1.value / largest) }.squareRoot()
        return sum / largest / norm
    }

    /// One entry of `items` in the output of `git mlexplain --json`. What a method does not have is null.
    ///
    /// - Parameter model: what names the model: a path, a commit, a command.
    public func json(model: JSON = .null) -> JSON {
        func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
        return [
            "text": .string(text), "model": model, "target": .string(target),
            "predicted": ["label": .string(predictedLabel), "probability": .number(probability)],
            "method": .string(method), "parameters": .object(parameters),
            "words": .array(
                words.map { word in
                    [
                        "index": JSON(word.index), "text": .string(word.text), "start": JSON(word.start),
                        "end": JSON(word.end), "value": .number(word.value), "stderr": optional(word.standardError),
                    ]
                }),
            "sum": .number(sum), "base": .number(base), "intercept": optional(intercept), "delta": optional(delta),
        ]
    }
}
