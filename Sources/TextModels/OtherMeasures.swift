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
    /// Over all labels of all texts together.
    public var micro: Evaluation.Scores
    /// The plain mean of the labels' own scores.
    public var macro: Evaluation.Scores
    /// Their mean, each label as often as it is given.
    public var weighted: Evaluation.Scores
    /// Each label's own.
    public var labels: [Evaluation.Scores]
    /// The mean area under the receiver's curve of the labels that some texts have and some have not; NaN without any.
    public var rocAUC: Double
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
        func scores(_ hit: Double, _ guessed: Double, _ actual: Double) -> Evaluation.Scores {
            Evaluation.Scores(
                precision: guessed == 0 ? 0 : hit / guessed, recall: actual == 0 ? 0 : hit / actual,
                f1: hit == 0 ? 0 : 2 * hit / (guessed + actual), support: Int(actual))
        }
        subsetAccuracy = exact / texts
        hammingAccuracy = right / (texts * Double(max(1, classes)))
        logLoss = loss / (texts * Double(max(1, classes)))
        let sums = counts.reduce((0.0, 0.0, 0.0)) { ($0.0 + $1.hit, $0.1 + $1.guessed, $0.2 + $1.actual) }
        micro = scores(sums.0, sums.1, sums.2)
        let all = counts.map { scores($0.hit, $0.guessed, $0.actual) }
        labels = all
        func mean(_ weight: (Evaluation.Scores) -> Double) -> Evaluation.Scores {
            let sum = max(1e-300, all.reduce(0) { $0 + weight($1) })
            func mean(_ value: (Evaluation.Scores) -> Double) -> Double {
                all.reduce(0) { $0 + weight($1) * value($1) } / sum
            }
            return Evaluation.Scores(
                precision: mean { $0.precision }, recall: mean { $0.recall }, f1: mean { $0.f1 },
                support: all.reduce(0) { $0 + $1.support })
        }
        macro = mean { _ in 1 }
        weighted = mean { Double($0.support) }
        let areas = (0..<classes).map { label in
            RankMeasures.area(answers.map { $0[label] }, truth.map { $0[label] >= 0.5 })
        }.filter(\.isFinite)
        rocAUC = areas.isEmpty ? .nan : areas.reduce(0, +) / Double(areas.count)
    }

    public var json: JSONObject {
        var out: JSONObject = [
            "accuracy": JSON(subsetAccuracy), "hamming_accuracy": JSON(hammingAccuracy), "log_loss": JSON(logLoss),
        ]
        for (name, scores) in [("micro", micro), ("macro", macro), ("weighted", weighted)] {
            out["precision_\(name)"] = JSON(scores.precision)
            out["recall_\(name)"] = JSON(scores.recall)
            out["f1_\(name)"] = JSON(scores.f1)
        }
        if rocAUC.isFinite { out["roc_auc"] = JSON(rocAUC) }
        return out
    }
}
