import Base

/// Texts with the answers they must get before a generation gets traffic.
public struct GoldenPredictions: Sendable {
    /// How far a probability may be from the recorded one: what another processor's arithmetic may change.
    public static let tolerance = 1e-4

    public private(set) var texts: [String] = []
    private var expected: [[String: Double]] = []

    /// Reads what `git mlrun predict --json` prints: `{label, probabilities: {label: p}, text}` a line.
    ///
    /// - Throws: `MLError(.invalidInput)` naming the line that is none.
    public init(parsing bytes: [UInt8], name: String) throws {
        for (number, line) in bytes.split(separator: 10).enumerated() {
            guard let entry = try? JSON(parsing: Array(line)), let text = entry["text"]?.stringValue,
                let probabilities = entry["probabilities"]?.objectValue
            else {
                throw MLError(
                    .invalidInput, "'\(name)' line \(number + 1) is no prediction",
                    hint: "make the file with 'git mlrun predict --json'")
            }
            texts.append(text)
            expected.append(Dictionary(uniqueKeysWithValues: probabilities.pairs.map { ($0, $1.doubleValue ?? .nan) }))
        }
    }

    /// What the texts and answers look like, in the order of the labels.
    public func distribution(_ predictor: any Predictor) -> ReferenceDistribution {
        let vocabulary = predictor as? any VocabularyPredictor
        return ReferenceDistribution(
            texts: texts, rows: expected.map { row in predictor.labels.map { row[$0] ?? 0 } }, labels: predictor.labels
        ) { vocabulary?.words(in: $0) }
    }

    /// - Throws: `MLError(.failed)` naming the first text whose answer is another one.
    public func check(_ predictor: any Predictor) throws {
        for (row, (text, wanted)) in zip(try predictor.predict(texts), zip(texts, expected)) {
            for (label, value) in zip(predictor.labels, row) {
                guard let probability = wanted[label], abs(probability - value) <= GoldenPredictions.tolerance else {
                    throw MLError(
                        .failed,
                        "the model's answer to '\(text.prefix(60))' is not the recorded one: '\(label)' has "
                            + "\(value), not \(wanted[label].map { "\($0)" } ?? "nothing")")
                }
            }
        }
    }
}
