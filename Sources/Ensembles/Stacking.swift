import Base
import Glibc
import TextModels

/// A model on the members' answers (Wolpert 1992, "Stacked generalization"): its inputs are the logarithms of their
/// probabilities, its strength is chosen by cross-validation on the dev data.
public struct Stacking: Sendable {
    /// Which model learns from the members.
    public enum Learner: String, Sendable, CaseIterable {
        /// Multinomial logistic regression.
        case logistic
        /// A network with one hidden layer of eight units.
        case network
        /// Gradient-boosted trees.
        case trees
    }

    enum Model: Sendable {
        case logistic(LogisticStack)
        case network(NetworkStack)
        case trees(TreeStack)
    }

    public let learner: Learner
    let model: Model
    let classes: Int

    /// - Parameters:
    ///   - members: probabilities on dev, `[member][text][class]`, of models that were not trained on these texts.
    ///   - folds: parts of the cross-validation.
    /// - Returns: the model fitted to all texts, and its out-of-fold answers, which are what dev figures may be computed of.
    public static func fit(
        _ members: [[[Double]]], truth: [Int], classes: Int, learner: Learner, folds: Int = 5, seed: UInt64 = 1
    ) throws -> (model: Stacking, outOfFold: [[Double]], note: JSON) {
        guard !members.isEmpty else { throw MLError(.invalidInput, "an ensemble needs members") }
        guard truth.count >= 2 * folds else {
            throw MLError(.invalidInput, "stacking needs at least \(2 * folds) dev texts, there are \(truth.count)")
        }
        let rows = inputs(members)
        var random = SeededRandom(seed: seed, purpose: "ensemble.folds")
        let order = Array(truth.indices).shuffled(using: &random)
        let strengths = learner.strengths
        var best: (loss: Double, strength: Double, answers: [[Double]])?
        for strength in strengths {
            let parts = try parallelMap(count: folds) { fold -> [(Int, [Double])] in
                let held = order.indices.filter { $0 % folds == fold }.map { order[$0] }
                let kept = order.indices.filter { $0 % folds != fold }.map { order[$0] }
                let model = try train(
                    learner, kept.map { rows[$0] }, kept.map { truth[$0] }, classes, strength, seed)
                return held.map { ($0, model.answer(rows[$0])) }
            }
            var answers = [[Double]](repeating: [], count: truth.count)
            for (row, answer) in parts.joined() { answers[row] = answer }
            let loss = Evaluation(answers, truth, classes: classes).logLoss
            if best.map({ loss < $0.loss }) ?? true { best = (loss, strength, answers) }
        }
        guard let best else { throw MLError(.invalidInput, "no strength to choose from") }
        let model = try train(learner, rows, truth, classes, best.strength, seed)
        let note: JSON = [
            "kind": .string("stacking"), "learner": .string(learner.rawValue), "measure": "out-of-fold log loss",
            "log_loss": JSON(best.loss), "strength": JSON(best.strength), "folds": JSON(folds),
            "texts": JSON(truth.count),
        ]
        return (Stacking(learner: learner, model: model, classes: classes), best.answers, note)
    }

    /// Answers from the members' answers.
    public func combine(_ members: [[[Double]]]) -> [[Double]] {
        Stacking.inputs(members).map { model.answer($0) }
    }

    private static func inputs(_ members: [[[Double]]]) -> [[Double]] {
        guard let first = members.first else { return [] }
        return first.indices.map { row in
            members.flatMap { member in
                let logs = member[row].map { log(max(1e-6, $0)) }
                let mean = logs.reduce(0, +) / Double(logs.count)
                return logs.map { $0 - mean }
            }
        }
    }

    private static func train(
        _ learner: Learner, _ rows: [[Double]], _ truth: [Int], _ classes: Int, _ strength: Double, _ seed: UInt64
    ) throws -> Model {
        switch learner {
        case .logistic: .logistic(LogisticStack.fit(rows, truth, classes: classes, strength: strength))
        case .network: .network(NetworkStack.fit(rows, truth, classes: classes, strength: strength, seed: seed))
        case .trees: .trees(TreeStack.fit(rows, truth, classes: classes, rounds: Int(strength)))
        }
    }
}

extension Stacking.Learner {
    /// Inverse strengths of the penalty, or rounds of boosting.
    fileprivate var strengths: [Double] {
        switch self {
        case .logistic: [0.001, 0.01, 0.1, 1]
        case .network: [0.001, 0.01, 0.1]
        case .trees: [20, 50, 100]
        }
    }
}

extension Stacking.Model {
    func answer(_ row: [Double]) -> [Double] {
        switch self {
        case .logistic(let model): model.answer(row)
        case .network(let model): model.answer(row)
        case .trees(let model): model.answer(row)
        }
    }
}

/// exp(x) / Σ exp(x).
func softmax(_ scores: [Double]) -> [Double] {
    let top = scores.max() ?? 0
    let powers = scores.map { exp($0 - top) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
