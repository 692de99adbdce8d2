import Glibc

/// Explanations as a table: labels, score and the words on backgrounds that show how they pull.
///
/// The columns and colours are those of Captum's `visualize_text` (captum/attr/_utils/visualization.py). Differences:
/// words are escaped, the probability is that of the predicted class, and sign never shows by hue alone.
public struct AttributionReport: Sendable {
    /// One explained text.
    public struct Item: Sendable {
        public var text: String
        /// The label in the data; nil where unknown.
        public var trueLabel: String?
        public var predictedLabel: String
        /// Probability of the predicted label.
        public var probability: Double
        /// The label the attributions speak for.
        public var attributionLabel: String
        /// Sum of the word values over their L2 norm.
        public var score: Double
        /// Words in the order of the text with their raw values; the report divides by their L2 norm.
        public var words: [(text: String, value: Double)]
        public var method: String
        /// Short remarks shown below the words ("weighted R² 0.91").
        public var remarks: [String]

        public init(
            text: String, trueLabel: String? = nil, predictedLabel: String, probability: Double,
            attributionLabel: String, score: Double, words: [(text: String, value: Double)], method: String,
            remarks: [String] = []
        ) {
            self.text = text
            self.trueLabel = trueLabel
            self.predictedLabel = predictedLabel
            self.probability = probability
            self.attributionLabel = attributionLabel
            self.score = score
            self.words = words
            self.method = method
            self.remarks = remarks
        }

        /// The words' values divided by their L2 norm; zeros stay zeros.
        public var normalizedValues: [Double] {
            let values = words.map { $0.value.isFinite ? $0.value : 0 }
            // Scaled by the largest so that the squares of tiny and huge values stay in range.
            let largest = values.map(abs).max() ?? 0
            guard largest > 0 else { return values }
            let norm = largest * values.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
            return values.map { $0 / norm }
        }

        /// "pos (0.96)"
        var prediction: String { "\(predictedLabel) (\(Quantity.fixed(probability, decimals: 2)))" }
        var scoreText: String { Quantity.fixed(score, decimals: 2) }
        var notes: [String] { (method.isEmpty ? [] : [method]) + remarks }

        /// Each word as shown, with its normalised value; `<pad>` becomes `#pad` as in Captum.
        var shownWords: [(text: String, value: Double)] {
            zip(words, normalizedValues).map { word, value in
                let text = word.text
                let name = text.dropFirst().dropLast()
                guard text.hasPrefix("<"), text.hasSuffix(">"), !name.isEmpty, !name.contains("<") else {
                    return (text, value)
                }
                return ("#" + name, value)
            }
        }
    }

    /// Titles of the columns, in order.
    static let titles = [
        "True Label", "Predicted Label", "Attribution Label", "Attribution Score", "Word Importance",
    ]

    public var items: [Item]

    public init(items: [Item]) { self.items = items }

    /// Captum's rule: white at 0, to hsl(120, 75 %, 50 %) at 1 and hsl(0, 75 %, 60 %) at −1; nil where it is white.
    public static func background(_ value: Double) -> RGB? {
        let shade = shade(value)
        guard shade.lightness < 100 else { return nil }
        return RGB(hue: shade.hue, saturation: 75, lightness: Double(shade.lightness))
    }

    static func shade(_ value: Double) -> (hue: Double, lightness: Int) {
        let clipped = max(-1, min(1, value.isNaN ? 0 : value))
        return clipped > 0 ? (120, 100 - Int(50 * clipped)) : (0, 100 - Int(-40 * clipped))
    }

    /// "+0.62" or "-0.31"; nil for what would round to zero.
    static func signed(_ value: Double) -> String? {
        let text = Quantity.fixed(value, decimals: 2)
        if text == "0.00" { return nil }
        return value > 0 ? "+" + text : text
    }
}
