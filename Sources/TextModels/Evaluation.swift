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

    /// - Parameters:
    ///   - probabilities: one row a text, one column a class.
    ///   - truth: indices of the true classes.
    public init(_ probabilities: [[Double]], _ truth: [Int], classes: Int) {
        count = truth.count
        var hits = 0
        var loss = 0.0
        var confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
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
        ["accuracy": JSON(accuracy), "log_loss": JSON(logLoss), "f1": JSON(f1)]
    }

    private static func f1(_ label: Int, _ confusion: [[Int]]) -> Double {
        let hit = Double(confusion[label][label])
        let actual = Double(confusion[label].reduce(0, +))
        let guessed = Double(confusion.reduce(0) { $0 + $1[label] })
        return hit == 0 ? 0 : 2 * hit / (actual + guessed)
    }
}
