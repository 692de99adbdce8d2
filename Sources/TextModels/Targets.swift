import Base
import Glibc

/// What a model should answer for each text: a row of shares of the classes, of yes and no for each class, or a number.
public struct Targets: Sendable {
    /// The classes, sorted by bytes; `value` for a number.
    public let labels: [String]
    public let rows: [[Float]]

    /// Separates the labels of a text that has several.
    public static let separator: Character = "|"

    /// - Parameters:
    ///   - known: the classes there are; nil: those of the data.
    ///   - name: of the data, for messages.
    /// - Throws: `MLError(.invalidInput)` for unknown labels, fewer than two classes, and values that are no numbers.
    public init(
        _ data: Dataset, _ output: ModelSpec.Predict.Output, known: [String]? = nil, name: String
    ) throws {
        switch output {
        case .regression:
            labels = ["value"]
            rows = try data.labels.enumerated().map { number, label in
                guard let value = Float(label.trimmed), value.isFinite else {
                    throw MLError(.invalidInput, "'\(name)' row \(number + 1): '\(label)' is no number")
                }
                return [value]
            }
        case .softmax:
            let labels = try known ?? Targets.classes(data.labels.map { [$0] })
            let count = labels.count
            let truth = try Evaluation.indices(of: data.labels, in: labels, name: name)
            if let soft = data.shares {
                rows = soft.map { $0.map { Float($0) } }
            } else {
                rows = truth.map { label in (0..<count).map { $0 == label ? 1 : 0 } }
            }
            self.labels = labels
        case .sigmoid:
            let sets = data.labels.map(Targets.split)
            let labels = try known ?? Targets.classes(sets)
            rows = try sets.map { set in
                var row = [Float](repeating: 0, count: labels.count)
                for index in try Evaluation.indices(of: set, in: labels, name: name) { row[index] = 1 }
                return row
            }
            self.labels = labels
        }
    }

    /// The labels of a text that may have several.
    public static func split(_ label: String) -> [String] {
        label.split(separator: separator).map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    private static func classes(_ sets: [[String]]) throws -> [String] {
        let labels = Set(sets.joined()).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard labels.count >= 2 else {
            throw MLError(
                .invalidInput,
                "the training data has \(labels.count == 1 ? "only the label '\(labels[0])'" : "no labels")")
        }
        return labels
    }

    /// The mean loss of answers: cross entropy, summed over the classes' yes and no for `sigmoid`; half the squared
    /// error for `regression`.
    public func loss(_ answers: [[Double]], _ output: ModelSpec.Predict.Output) -> Double {
        var sum = 0.0
        for (answer, target) in zip(answers, rows) { sum += Targets.loss(answer, target, output) }
        return rows.isEmpty ? 0 : sum / Double(rows.count)
    }

    static func loss(_ answer: [Double], _ target: [Float], _ output: ModelSpec.Predict.Output) -> Double {
        switch output {
        case .regression: return 0.5 * (answer[0] - Double(target[0])) * (answer[0] - Double(target[0]))
        case .softmax:
            return zip(answer, target).reduce(0) { $1.1 == 0 ? $0 : $0 - Double($1.1) * log(Swift.max(1e-30, $1.0)) }
        case .sigmoid:
            return zip(answer, target).reduce(0) { sum, pair in
                let p = Swift.min(1 - 1e-12, Swift.max(1e-12, pair.0))
                return sum - Double(pair.1) * log(p) - (1 - Double(pair.1)) * log(1 - p)
            }
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        var part = Substring(self)
        while let first = part.first, first.isWhitespace { part.removeFirst() }
        while let last = part.last, last.isWhitespace { part.removeLast() }
        return String(part)
    }
}
