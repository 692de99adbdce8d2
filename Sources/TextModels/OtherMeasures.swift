import Base
import Glibc

/// How near numbers come.
public struct RegressionMeasures: Hashable, Sendable {
    public var meanSquaredError: Double
    public var meanAbsoluteError: Double
    /// 1 − squared errors / variance; 0 where the truth does not vary.
    public var r2: Double
    /// Pearson's correlation; 0 where one side does not vary.
    public var correlation: Double

    public init(_ answers: [Double], _ truth: [Double]) {
        let count = Double(max(1, truth.count))
        let errors = zip(answers, truth).map { $0 - $1 }
        let squares = errors.reduce(0) { $0 + $1 * $1 }
        meanSquaredError = squares / count
        meanAbsoluteError = errors.reduce(0) { $0 + abs($1) } / count
        let meanTruth = truth.reduce(0, +) / count
        let meanAnswer = answers.reduce(0, +) / count
        let spread = truth.reduce(0) { $0 + ($1 - meanTruth) * ($1 - meanTruth) }
        let answerSpread = answers.reduce(0) { $0 + ($1 - meanAnswer) * ($1 - meanAnswer) }
        let shared = zip(answers, truth).reduce(0) { $0 + ($1.0 - meanAnswer) * ($1.1 - meanTruth) }
        r2 = spread > 0 ? 1 - squares / spread : 0
        correlation = spread > 0 && answerSpread > 0 ? shared / (spread * answerSpread).squareRoot() : 0
    }

    public var json: JSONObject {
        [
            "mse": JSON(meanSquaredError), "mae": JSON(meanAbsoluteError), "r2": JSON(r2),
            "correlation": JSON(correlation),
        ]
    }
}

/// How well sets of labels are met; a label is given when its probability is at least one half.
public struct MultiLabelMeasures: Hashable, Sendable {
    /// Share of texts whose set is met exactly.
    public var subsetAccuracy: Double
    /// Share of all yes and no that are right.
    public var hammingAccuracy: Double
    /// F1 over all labels of all texts together, and the plain mean of each label's.
    public var f1Micro: Double
    public var f1Macro: Double
    /// Mean of −ln p over all yes and no; probabilities are clipped to [1e-15, 1 − 1e-15].
    public var logLoss: Double

    public init(_ answers: [[Double]], _ truth: [[Float]]) {
        let classes = truth.first?.count ?? 0
        var counts = [(hit: Double, guessed: Double, actual: Double)](repeating: (0, 0, 0), count: classes)
        var exact = 0.0
        var right = 0.0
        var loss = 0.0
        for (answer, row) in zip(answers, truth) {
            var isExact = true
            for label in 0..<classes {
                let guess = answer[label] >= 0.5
                let isTrue = row[label] >= 0.5
                counts[label].guessed += guess ? 1 : 0
                counts[label].actual += isTrue ? 1 : 0
                counts[label].hit += guess && isTrue ? 1 : 0
                right += guess == isTrue ? 1 : 0
                isExact = isExact && guess == isTrue
                let p = min(1 - 1e-15, max(1e-15, answer[label]))
                loss -= isTrue ? log(p) : log(1 - p)
            }
            exact += isExact ? 1 : 0
        }
        let texts = Double(max(1, truth.count))
        func f1(_ hit: Double, _ guessed: Double, _ actual: Double) -> Double {
            hit == 0 ? 0 : 2 * hit / (guessed + actual)
        }
        subsetAccuracy = exact / texts
        hammingAccuracy = right / (texts * Double(max(1, classes)))
        logLoss = loss / (texts * Double(max(1, classes)))
        let sums = counts.reduce((0.0, 0.0, 0.0)) { ($0.0 + $1.hit, $0.1 + $1.guessed, $0.2 + $1.actual) }
        f1Micro = f1(sums.0, sums.1, sums.2)
        f1Macro = counts.reduce(0) { $0 + f1($1.hit, $1.guessed, $1.actual) } / Double(max(1, classes))
    }

    public var json: JSONObject {
        [
            "accuracy": JSON(subsetAccuracy), "hamming_accuracy": JSON(hammingAccuracy), "f1_micro": JSON(f1Micro),
            "f1_macro": JSON(f1Macro), "log_loss": JSON(logLoss),
        ]
    }
}
