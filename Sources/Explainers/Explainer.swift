import Base

/// A method that says how the words of a text pull on a model's answer.
public protocol Explainer: Sendable {
    /// The method's name in the registry and in JSON.
    var method: String { get }

    /// - Throws: `notFound` for a label the model does not have, `invalidInput` when the model lacks what the method
    ///   needs, `failed` when the model's answer is no answer.
    func explain(_ text: String, predictor: any Predictor, target: ExplanationTarget) throws -> Attribution
}

/// Which class an explanation speaks for.
public enum ExplanationTarget: Hashable, Sendable {
    /// The class with the highest probability, the first of equals.
    case predicted
    /// The class of this name.
    case label(String)
}

/// A model's answer to a text and the class to explain: what every method starts from.
struct Question {
    let labels: [String]
    let probabilities: [Double]
    let predicted: Int
    let target: Int

    init(_ text: String, predictor: any Predictor, target: ExplanationTarget) throws {
        labels = predictor.labels
        let probabilities = try predictor.checkedPrediction([text])[0]
        self.probabilities = probabilities
        predicted = probabilities.indices.dropFirst().reduce(0) { probabilities[$1] > probabilities[$0] ? $1 : $0 }
        switch target {
        case .predicted: self.target = predicted
        case .label(let name):
            guard let index = labels.firstIndex(of: name) else {
                let known = labels.map { "'\($0)'" }.joined(separator: ", ")
                var hints = ["the labels are \(known)"]
                if let near = NearestName.find(name, in: labels) { hints.insert("did you mean '\(near)'?", at: 0) }
                throw MLError(.notFound, "the model has no label '\(name)'", hints: hints)
            }
            self.target = index
        }
    }

    var targetLabel: String { labels[target] }
    var predictedLabel: String { labels[predicted] }
    var probability: Double { probabilities[predicted] }
}

extension Predictor {
    /// Probabilities for the texts, one row each; wrong shapes and numbers that are not finite are errors.
    func checkedPrediction(_ texts: [String]) throws -> [[Double]] {
        let rows = try predict(texts)
        if let bad = zip(texts, rows).first(where: { !$1.allSatisfy(\.isFinite) }) {
            throw MLError(
                .failed, "the model gave a probability that is not a finite number for the text '\(bad.0.prefix(60))'")
        }
        return try checked(rows, count: texts.count)
    }

    /// The rows as they are if they are `count` rows of finite numbers, one for each label.
    func checked(_ rows: [[Double]], count: Int) throws -> [[Double]] {
        guard !labels.isEmpty else { throw MLError(.failed, "the model has no labels") }
        guard rows.count == count else {
            throw MLError(.failed, "the model answered \(rows.count) of \(count) texts")
        }
        for row in rows {
            guard row.count == labels.count else {
                throw MLError(.failed, "the model gave \(row.count) probabilities for \(labels.count) labels")
            }
            guard row.allSatisfy(\.isFinite) else {
                throw MLError(.failed, "the model gave a probability that is not a finite number")
            }
        }
        return rows
    }
}
