import Base
import Glibc

/// Fits the linear model: naive Bayes log-count ratios scale the features, logistic regression weighs them
/// (Wang & Manning 2012, "Baselines and Bigrams", section 2; in the logistic form of Mesnil et al. 2014).
enum LinearTraining {
    /// - Returns: the model of the penalty with the lowest dev loss, and the dev loss of each that was tried: from the
    ///   strongest penalty on, until the loss rises.
    static func fit(
        _ spec: (n: Int, minimumCount: Int), _ training: TrainingSpec, labels: [String], train: Dataset, dev: Dataset,
        progress: any ProgressReporter
    ) throws -> (model: LinearModel, history: [JSON]) {
        progress.report("Counting n-grams", completed: 0, total: 1, detail: "\(train.count) texts")
        let truth = try Evaluation.indices(of: train.labels, in: labels, name: "training data")
        let devTruth = try Evaluation.indices(of: dev.labels, in: labels, name: "dev data")
        let counts = try NGramCounts(NumberedTexts(train.texts), n: spec.n, minimumCount: spec.minimumCount)
        let vocabulary = NGramVocabulary(n: spec.n, text: counts.vocabulary)
        guard vocabulary.count > 0 else {
            throw MLError(
                .invalidInput, "no n-gram occurs in \(spec.minimumCount) texts", hint: "lower model.embed.min_count")
        }
        let devRows = try parallelMap(count: dev.count, stretch: 64) { vocabulary.features(ofText: dev.texts[$0]) }
        let costs = try weights(training, truth, labels)

        var path = try Path(counts, truth, labels: labels, costs: costs, seed: training.seed)
        var best: (loss: Double, model: LinearModel)?
        var history: [JSON] = []
        let strengths = training.strengths.sorted()
        for (number, strength) in strengths.enumerated() {
            let (weights, biases) = try path.solve(strength)
            let model = LinearModel(labels: labels, vocabulary: vocabulary, weights: weights, biases: biases)
            let evaluation = Evaluation(
                devRows.map { model.probabilities(model.scores($0)) }, devTruth, classes: labels.count)
            history.append([
                "strength": JSON(strength), "dev_log_loss": JSON(evaluation.logLoss),
                "dev_accuracy": JSON(evaluation.accuracy),
            ])
            progress.report(
                "Training", completed: number + 1, total: strengths.count,
                detail: "strength \(strength), dev log loss \(round(evaluation.logLoss * 1e4) / 1e4)")
            if dev.count > 0, let best, evaluation.logLoss >= best.loss { break }
            best = (evaluation.logLoss, model)
        }
        guard let best else { throw MLError(.invalidInput, "training.strengths is empty") }
        return (best.model, history)
    }

    /// The weight of each text's loss.
    private static func weights(_ training: TrainingSpec, _ truth: [Int], _ labels: [String]) throws -> [Float] {
        var counts = [Double](repeating: 0, count: labels.count)
        for label in truth { counts[label] += 1 }
        let weights = try training.classWeights.weights(labels: labels, counts: counts)
        return truth.map { weights?[$0] ?? 1 }
    }

    /// Solutions for one strength after the other; each is the start of the next, since they are close.
    private struct Path {
        private enum Solver {
            case two(DualCoordinateDescent)
            case many(MultinomialRegression, [Double])
        }

        private var solver: Solver
        private var last: Double?
        /// For each feature of the vocabulary, the number the solver knows it by.
        private let numbers: [Int32]

        init(_ counts: NGramCounts, _ truth: [Int], labels: [String], costs: [Float], seed: UInt64) throws {
            var numbers = [Int32](repeating: 0, count: counts.places.count)
            for (number, place) in counts.places.enumerated() { numbers[Int(place)] = Int32(number) }
            self.numbers = numbers
            let scales = try parallelMap(count: labels.count == 2 ? 1 : labels.count) { output in
                Path.logCountRatios(
                    counts.rows, truth, label: labels.count == 2 ? 1 : output, features: counts.places.count)
            }
            if labels.count == 2 {
                solver = .two(
                    DualCoordinateDescent(
                        counts.rows, truth.map { $0 == 1 }, scales: scales[0], costs: costs, seed: seed))
            } else {
                let problem = MultinomialRegression(rows: counts.rows, truth: truth, scales: scales, costs: costs)
                solver = .many(problem, problem.start)
            }
        }

        mutating func solve(_ strength: Double) throws -> (weights: [[Float]], biases: [Float]) {
            defer { last = strength }
            switch solver {
            case .two(var descent):
                // One owner, or every write would copy all.
                solver = .many(MultinomialRegression(rows: FeatureRows(), truth: [], scales: [[]], costs: []), [])
                descent.solve(strength: strength, after: last)
                let (weights, bias) = descent.solution
                solver = .two(descent)
                return ([inOrder(weights)], [bias])
            case .many(let problem, let point):
                let next = try problem.solve(from: point, strength: strength)
                solver = .many(problem, next)
                let (weights, biases) = problem.solution(next)
                return (weights.map(inOrder), biases)
            }
        }

        /// Weights in the order of the vocabulary.
        private func inOrder(_ weights: [Float]) -> [Float] { numbers.map { weights[Int($0)] } }

        /// r = log((p/|p|) / (q/|q|)), with p and q the numbers of texts of the class and of the others that hold the
        /// feature, plus one (section 2.2).
        private static func logCountRatios(_ rows: FeatureRows, _ truth: [Int], label: Int, features: Int) -> [Float] {
            var p = [Double](repeating: 1, count: features)
            var q = p
            for (row, value) in truth.enumerated() {
                for place in rows.range(row) {
                    let feature = Int(rows.features[place])
                    if value == label { p[feature] += 1 } else { q[feature] += 1 }
                }
            }
            let sumP = p.reduce(0, +)
            let sumQ = q.reduce(0, +)
            return (0..<features).map { Float(log((p[$0] / sumP) / (q[$0] / sumQ))) }
        }
    }
}
