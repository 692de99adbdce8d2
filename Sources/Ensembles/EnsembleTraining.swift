import Base
import Glibc
import TextModels

/// Several models from one specification, made to differ.
public struct EnsembleTraining {
    public enum Kind: String, Sendable, CaseIterable {
        /// Each member on texts drawn with replacement (Breiman 1996).
        case bagging
        /// Each member without one of so many parts of the data, which it stops by (cross-validation committee: Krogh &
        /// Vedelsby 1995).
        case kfold
        /// One training whose step size falls and rises again; the network at the end of each fall (Huang et al. 2017).
        case snapshot
        /// The networks after the last epochs of one training (Xie, Xu & Chuang 2013, "horizontal voting").
        case horizontal
        /// Each member on texts drawn by how wrong those before it were (SAMME: Zhu et al. 2009, algorithm 2).
        case boosting
    }

    public var spec: ModelSpec
    public var training: TrainingSpec
    public var train: Dataset
    public var dev: Dataset
    public var options: TrainingOptions
    public var progress: any ProgressReporter

    public init(
        _ spec: ModelSpec, _ training: TrainingSpec, train: Dataset, dev: Dataset,
        options: TrainingOptions = TrainingOptions(), progress: any ProgressReporter = SilentProgress()
    ) {
        self.spec = spec
        self.training = training
        self.train = train
        self.dev = dev
        self.options = options
        self.progress = progress
    }

    /// - Parameters:
    ///   - members: how many; boosting may stop before, when a member errs never or too often.
    ///   - only: the one member that is wanted, from 0; others are trained only where it depends on them.
    /// - Returns: the models and their weights, which sum to 1; provenance is left to the caller.
    /// - Throws: `MLError(.invalidInput)` for members that the data or the epochs are too few for.
    public func fit(
        _ kind: Kind, members: Int, only: Int? = nil
    ) throws -> [(member: Int, model: TextModel, weight: Double)] {
        guard (2...1000).contains(members) else {
            throw MLError(.invalidInput, "an ensemble needs 2 to 1000 members, not \(members)")
        }
        let wanted = only.map { [$0] } ?? Array(0..<members)
        let even = 1 / Double(members)
        switch kind {
        case .bagging:
            return try wanted.map { member in
                var random = SeededRandom(seed: training.seed, purpose: "ensemble.bagging", position: UInt64(member))
                let rows = train.texts.indices.map { _ in random.below(train.count) }
                return (member, try model(train.rows(rows), dev, seed: member), even)
            }
        case .kfold:
            let folds = try EnsembleTraining.folds(train.count, members, seed: training.seed)
            return try wanted.map { member in
                let kept = train.texts.indices.filter { folds[$0] != member }
                let held = train.texts.indices.filter { folds[$0] == member }
                return (member, try model(train.rows(kept), train.rows(held), seed: member), even)
            }
        case .snapshot, .horizontal: return try epochs(kind, members).filter { wanted.contains($0.member) }
        case .boosting: return try boosted(members, only)
        }
    }

    /// The part of each row, parts as even as can be.
    public static func folds(_ rows: Int, _ count: Int, seed: UInt64) throws -> [Int] {
        guard rows >= 2 * count else {
            throw MLError(.invalidInput, "\(count) parts need at least \(2 * count) training texts, there are \(rows)")
        }
        var random = SeededRandom(seed: seed, purpose: "ensemble.kfold")
        var folds = [Int](repeating: 0, count: rows)
        for (place, row) in Array(0..<rows).shuffled(using: &random).enumerated() { folds[row] = place % count }
        return folds
    }

    private func model(_ train: Dataset, _ dev: Dataset, seed: Int) throws -> TextModel {
        var training = training
        training.seed &+= UInt64(seed)
        return try TextModel.train(spec, training, train: train, dev: dev, progress: progress, options: options)
    }

    /// Members out of one training.
    private func epochs(_ kind: Kind, _ members: Int) throws -> [(member: Int, model: TextModel, weight: Double)] {
        guard case .words = spec.embed else {
            throw MLError(
                .invalidInput, "'\(kind.rawValue)' takes the epochs of a network, and this model is linear",
                hint: "bagging, kfold and boosting work with any model")
        }
        var training = training
        guard training.epochs >= members else {
            throw MLError(
                .invalidInput,
                "\(members) members need at least as many epochs, 'training.epochs' is \(training.epochs)")
        }
        training.patience = training.epochs
        if kind == .snapshot {
            (training.cycles, training.schedule) = (members, .cosine)
            training.epochs -= training.epochs % members
        }
        var models: [TextModel] = []
        let every = kind == .snapshot ? training.epochs / members : 1
        var options = options
        options.onEpoch = { epoch, model in
            if epoch % every == 0 { models.append(model) }
            if models.count > members { models.removeFirst() }
        }
        _ = try TextModel.train(spec, training, train: train, dev: dev, progress: progress, options: options)
        return models.enumerated().map { ($0, $1, 1 / Double(members)) }
    }

    private func boosted(
        _ members: Int, _ only: Int?
    ) throws -> [(member: Int, model: TextModel, weight: Double)] {
        var weights = [Double](repeating: 1 / Double(max(1, train.count)), count: train.count)
        var found: [(member: Int, model: TextModel, weight: Double)] = []
        for member in 0...(only ?? members - 1) {
            var rows = Array(train.texts.indices)
            if member > 0 {
                var random = SeededRandom(seed: training.seed, purpose: "ensemble.boosting", position: UInt64(member))
                var sums: [Double] = []
                for weight in weights { sums.append((sums.last ?? 0) + weight) }
                rows = rows.map { _ in EnsembleTraining.place(of: random.uniform() * (sums.last ?? 0), in: sums) }
            }
            let model = try model(train.rows(rows), dev, seed: member)
            let truth = try Evaluation.indices(of: train.labels, in: model.labels, name: "training data")
            let wrong = zip(try model.predict(train.texts), truth).map { Evaluation.argmax($0) != $1 }
            let error = zip(weights, wrong).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
            let chance = 1 - 1 / Double(model.labels.count)
            // No better than guessing: it would speak against itself.
            if error >= chance, member > 0, only == nil { break }
            let clipped = min(chance - 1e-9, max(1e-6, error))
            let say = log((1 - clipped) / clipped) + log(Double(model.labels.count - 1))
            found.append((member, model, say))
            if error <= 0, only == nil { break }
            for row in weights.indices where wrong[row] { weights[row] *= exp(say) }
            let sum = weights.reduce(0, +)
            for row in weights.indices { weights[row] /= sum }
        }
        if let only { return found.filter { $0.member == only } }
        let sum = found.reduce(0) { $0 + $1.weight }
        return found.map { ($0.member, $0.model, $0.weight / sum) }
    }

    /// The first place whose running sum is above a value.
    private static func place(of value: Double, in sums: [Double]) -> Int {
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
