import Base
import Glibc

/// A linear classifier over the presence of n-grams. Two classes have one weight a feature, the margin of the second;
/// more have one for each class.
struct LinearModel: Sendable {
    let labels: [String]
    let vocabulary: NGramVocabulary
    /// One row an output, one column a feature.
    let weights: [[Float]]
    let biases: [Float]

    func scores(_ features: [Int32]) -> [Double] {
        zip(weights, biases).map { row, bias in
            var sum = Double(bias)
            row.withUnsafeBufferPointer { row in for feature in features { sum += Double(row[Int(feature)]) } }
            return sum
        }
    }

    func probabilities(_ scores: [Double]) -> [Double] { LinearModel.softmax(scores, classes: labels.count) }

    func predict(_ texts: [String]) throws -> [[Double]] {
        if texts.count > 64 { vocabulary.prepare() }
        return try parallelMap(count: texts.count, stretch: 16) { index in
            probabilities(scores(vocabulary.features(ofText: texts[index])))
        }
    }

    /// Probabilities from scores, shifted so that nothing overflows.
    static func softmax(_ scores: [Double], classes: Int) -> [Double] {
        if classes == 2 && scores.count == 1 {
            let e = exp(-abs(scores[0]))
            let larger = 1 / (1 + e)
            return scores[0] >= 0 ? [e / (1 + e), larger] : [larger, e / (1 + e)]
        }
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }
}
