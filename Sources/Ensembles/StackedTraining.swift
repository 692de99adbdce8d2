import Base
import TextModels

/// Stacked generalisation from the training data alone (Wolpert 1992): each specification answers every training text by a
/// model that was trained without it; a meta-learner learns from these answers; the members are then trained on everything.
public struct StackedTraining {
    /// Specifications with their training; the data is that of the first.
    public var members: [EnsembleTraining]
    public var folds: Int
    public var learner: Stacking.Learner

    public init(_ members: [EnsembleTraining], folds: Int, learner: Stacking.Learner) {
        self.members = members
        self.folds = folds
        self.learner = learner
    }

    /// - Returns: the members in the order of their specifications, what combines them, and what that came to out of fold.
    public func fit(seed: UInt64) throws -> (models: [TextModel], stacking: Stacking, note: JSON) {
        guard let first = members.first, members.count > 1 else {
            throw MLError(
                .invalidInput, "stacking needs several specifications", hint: "--params a.yaml b.yaml")
        }
        let train = first.train
        var answers: [[[Double]]] = []
        var labels: [String] = []
        for member in members {
            let parts = try EnsembleTraining.folds(train.count, folds, seed: member.training.seed)
            var rows = [[Double]](repeating: [], count: train.count)
            for (fold, model, _) in try member.fit(.kfold, members: folds) {
                let held = train.texts.indices.filter { parts[$0] == fold }
                if labels.isEmpty { labels = model.labels }
                guard model.labels == labels else {
                    throw MLError(
                        .invalidInput,
                        "a part of the data lacks labels: \(model.labels.joined(separator: ", ")) of "
                            + labels.joined(separator: ", "))
                }
                for (row, answer) in zip(held, try model.predict(held.map { train.texts[$0] })) { rows[row] = answer }
            }
            answers.append(rows)
        }
        let truth = try Evaluation.indices(of: train.labels, in: labels, name: "training data")
        let fitted = try Stacking.fit(answers, truth: truth, classes: labels.count, learner: learner, seed: seed)
        let models = try members.map {
            try TextModel.train(
                $0.spec, $0.training, train: $0.train, dev: $0.dev, progress: $0.progress, options: $0.options)
        }
        return (models, fitted.model, fitted.note)
    }
}
