import Base
import Glibc

/// How well probabilities fit labels.
public struct Evaluation: Hashable, Sendable {
    public var count: Int
    /// Share of texts whose most probable class is the true one, in [0, 1].
    public var accuracy: Double
    /// Mean of −ln p(true class), natural logarithm; probabilities are clipped to [1e-15, 1].
    public var logLoss: Double
    /// Two classes: F1 of the second label. More: the plain mean of all classes' F1 (macro).
    public var f1: Double
    /// Texts by true class (row) and most probable class (column).
    public var confusion: [[Int]]
    /// Area under the receiver's curve: of the second of two classes; of more, the mean of each against all others over
    /// the classes that have texts of both kinds (Hand & Till's one-versus-rest). NaN where no class has.
    public var rocAUC: Double
    /// Mean distance of confidence and accuracy over fifteen bins of equal width, weighted by texts (Guo et al. 2017,
    /// equation 3).
    public var calibrationError: Double

    /// - Parameters:
    ///   - probabilities: one row a text, one column a class.
    ///   - truth: indices of the true classes.
    public init(_ probabilities: [[Double]], _ truth: [Int], classes: Int) {
        count = truth.count
        var hits = 0
        var loss = 0.0
        var confusion: [[Int]] = []
        confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
        for (row, label) in zip(probabilities, truth) {
            let guess = Evaluation.argmax(row)
            hits += guess == label ? 1 : 0
            loss -= log(max(1e-15, row[label]))
            confusion[label][guess] += 1
        }
        accuracy = count == 0 ? 0 : Double(hits) / Double(count)
        logLoss = count == 0 ? 0 : loss / Double(count)
        let scores = (0..<classes).map { Evaluation.f1($0, confusion) }
        f1 = classes == 2 ? scores[1] : scores.reduce(0, +) / Double(max(1, classes))
        self.confusion = confusion
        rocAUC = RankMeasures.rocAUC(probabilities, truth, classes: classes)
        calibrationError = RankMeasures.calibrationError(probabilities, truth)
    }

    /// Precision, recall and F1, and the number of texts they speak of.
    public struct Scores: Hashable, Sendable {
        public var precision: Double
        public var recall: Double
        public var f1: Double
        public var support: Int
    }

    /// The scores of one class; a ratio without anything below the line is 0.
    public func scores(of label: Int) -> Scores {
        let hit = Double(confusion[label][label])
        let actual = confusion[label].reduce(0, +)
        let guessed = confusion.reduce(0) { $0 + $1[label] }
        return Scores(
            precision: guessed == 0 ? 0 : hit / Double(guessed), recall: actual == 0 ? 0 : hit / Double(actual),
            f1: Evaluation.f1(label, confusion), support: actual)
    }

    /// The plain mean over all classes.
    public var macro: Scores { mean { _ in 1 } }

    /// The mean over all classes, each as often as it is true.
    public var weighted: Scores { mean { Double($0.support) } }

    /// Over all texts together: with one label a text all three are the accuracy.
    public var micro: Scores { Scores(precision: accuracy, recall: accuracy, f1: accuracy, support: count) }

    private func mean(_ weight: (Scores) -> Double) -> Scores {
        let all = confusion.indices.map { scores(of: $0) }
        let sum = max(1e-300, all.reduce(0) { $0 + weight($1) })
        func mean(_ value: (Scores) -> Double) -> Double { all.reduce(0) { $0 + weight($1) * value($1) } / sum }
        return Scores(
            precision: mean { $0.precision }, recall: mean { $0.recall }, f1: mean { $0.f1 }, support: count)
    }

    /// The most probable class; the first of equals.
    public static func argmax(_ row: [Double]) -> Int {
        var best = 0
        for index in row.indices where row[index] > row[best] { best = index }
        return best
    }

    /// Indices of labels.
    ///
    /// - Throws: `MLError(.invalidInput)` for a label that is not among the classes.
    public static func indices(of labels: [String], in classes: [String], name: String) throws -> [Int] {
        let positions = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        return try labels.map { label in
            guard let index = positions[label] else {
                throw MLError(
                    .invalidInput, "'\(name)' has the label '\(label)', which the model does not know",
                    hint: "its labels are: \(classes.joined(separator: ", "))")
            }
            return index
        }
    }

    /// The measures by name; the number of texts is none.
    public var json: JSONObject {
        var out: JSONObject = ["accuracy": JSON(accuracy), "log_loss": JSON(logLoss), "f1": JSON(f1)]
        for (name, scores) in [("macro", macro), ("weighted", weighted)] {
            out["precision_\(name)"] = JSON(scores.precision)
            out["recall_\(name)"] = JSON(scores.recall)
            out["f1_\(name)"] = JSON(scores.f1)
        }
        out["f1_micro"] = JSON(micro.f1)
        if rocAUC.isFinite { out["roc_auc"] = JSON(rocAUC) }
        out["calibration_error"] = JSON(calibrationError)
        return out
    }

    private static func f1(_ label: Int, _ confusion: [[Int]]) -> Double {
        let hit = Double(confusion[label][label])
        let actual = Double(confusion[label].reduce(0, +))
        let guessed = Double(confusion.reduce(0) { $0 + $1[label] })
        return hit == 0 ? 0 : 2 * hit / (actual + guessed)
    }
}
