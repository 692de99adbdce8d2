import Base
import Glibc

/// Fits the linear model: naive Bayes log-count ratios scale the features, logistic regression weighs them
/// (Wang & Manning 2012, "Baselines and Bigrams", section 2; in the logistic form of Mesnil et al. 2014).
enum LinearTraining {
    /// Texts are summed in this many parts, whatever the number of processors, so that sums are always the same.
    private static let shards = 8

    /// - Returns: the model of the penalty with the lowest dev loss, and the dev loss of each.
    static func fit(
        _ spec: (n: Int, minimumCount: Int), _ training: TrainingSpec, labels: [String], train: Dataset, dev: Dataset,
        progress: any ProgressReporter
    ) throws -> (model: LinearModel, history: [JSON]) {
        let words = try parallelMap(count: train.count) { Tokeniser.words(of: train.texts[$0]) }
        progress.report("Counting n-grams", completed: 1, total: 2, detail: "\(train.count) texts")
        let vocabulary = try NGramVocabulary.learn(words, n: spec.n, minimumCount: spec.minimumCount)
        guard vocabulary.count > 0 else {
            throw MLError(
                .invalidInput, "no n-gram occurs in \(spec.minimumCount) texts", hint: "lower model.embed.min_count")
        }
        let rows = try parallelMap(count: words.count) { vocabulary.features(of: words[$0]) }
        let truth = try Evaluation.indices(of: train.labels, in: labels, name: "training data")
        let devRows = try parallelMap(count: dev.count) { vocabulary.features(of: Tokeniser.words(of: dev.texts[$0])) }
        let devTruth = try Evaluation.indices(of: dev.labels, in: labels, name: "dev data")

        let outputs = labels.count == 2 ? 1 : labels.count
        let ratios = (0..<outputs).map { output in
            logCountRatios(rows, truth, label: labels.count == 2 ? 1 : output, features: vocabulary.count)
        }
        let problem = Problem(rows: rows, truth: truth, ratios: ratios, classes: labels.count)
        var point = [Double](repeating: 0, count: problem.dimension)
        var best: (loss: Double, model: LinearModel)?
        var history: [JSON] = []
        for (number, strength) in training.strengths.sorted().enumerated() {
            // Each solution is the start of the next: they are close.
            point = try LBFGS().minimise(point) { try problem.objective($0, strength: strength) }
            let model = LinearModel(
                labels: labels, vocabulary: vocabulary, weights: problem.weights(point), biases: problem.biases(point))
            let probabilities = devRows.map { model.probabilities(model.scores($0)) }
            let evaluation = Evaluation(probabilities, devTruth, classes: labels.count)
            history.append([
                "strength": JSON(strength), "dev_log_loss": JSON(evaluation.logLoss),
                "dev_accuracy": JSON(evaluation.accuracy),
            ])
            progress.report(
                "Training", completed: number + 1, total: training.strengths.count,
                detail: "strength \(strength), dev log loss \(round(evaluation.logLoss * 1e4) / 1e4)")
            if dev.count == 0 || best.map({ evaluation.logLoss < $0.loss }) ?? true {
                best = (evaluation.logLoss, model)
            }
        }
        guard let best else { throw MLError(.invalidInput, "training.strengths is empty") }
        return (best.model, history)
    }

    /// r = log((p/|p|) / (q/|q|)), with p and q the numbers of texts of the class and of the others that hold the
    /// feature, plus one (section 2.2).
    private static func logCountRatios(_ rows: [[Int32]], _ truth: [Int], label: Int, features: Int) -> [Float] {
        var p = [Double](repeating: 1, count: features)
        var q = p
        for (row, value) in zip(rows, truth) {
            for feature in row { if value == label { p[Int(feature)] += 1 } else { q[Int(feature)] += 1 } }
        }
        let sumP = p.reduce(0, +)
        let sumQ = q.reduce(0, +)
        return (0..<features).map { Float(log((p[$0] / sumP) / (q[$0] / sumQ))) }
    }

    /// Mean-free logistic loss on scaled features: strength · Σ −ln p(truth) + ½ |w|². The bias carries no penalty.
    private struct Problem: Sendable {
        let rows: [[Int32]]
        let truth: [Int]
        let ratios: [[Float]]
        let classes: Int
        var features: Int { ratios[0].count }
        var outputs: Int { ratios.count }
        /// All weights, then the biases.
        var dimension: Int { outputs * features + outputs }

        func weights(_ point: [Double]) -> [[Float]] {
            (0..<outputs).map { output in
                (0..<features).map { Float(point[output * features + $0]) * ratios[output][$0] }
            }
        }

        func biases(_ point: [Double]) -> [Float] { point.suffix(outputs).map { Float($0) } }

        func objective(_ point: [Double], strength: Double) throws -> (value: Double, gradient: [Double]) {
            let parts = try parallelMap(count: shards) { shard -> (Double, [Double]) in
                var gradient = [Double](repeating: 0, count: dimension)
                var loss = 0.0
                point.withUnsafeBufferPointer { point in
                    gradient.withUnsafeMutableBufferPointer { gradient in
                        for row in (rows.count * shard / shards)..<(rows.count * (shard + 1) / shards) {
                            loss += add(row, point, gradient)
                        }
                    }
                }
                return (loss, gradient)
            }
            var value = 0.0
            var gradient = [Double](repeating: 0, count: dimension)
            for (loss, part) in parts {
                value += strength * loss
                for index in gradient.indices { gradient[index] += strength * part[index] }
            }
            for index in 0..<(outputs * features) {
                value += 0.5 * point[index] * point[index]
                gradient[index] += point[index]
            }
            return (value, gradient)
        }

        /// Adds one text's gradient and returns its loss.
        private func add(
            _ row: Int, _ point: UnsafeBufferPointer<Double>, _ gradient: UnsafeMutableBufferPointer<Double>
        ) -> Double {
            var scores = [Double](repeating: 0, count: outputs)
            for output in 0..<outputs {
                var sum = point[outputs * features + output]
                let base = output * features
                ratios[output].withUnsafeBufferPointer { ratio in
                    for feature in rows[row] { sum += point[base + Int(feature)] * Double(ratio[Int(feature)]) }
                }
                scores[output] = sum
            }
            let probabilities = LinearModel.softmax(scores, classes: classes)
            for output in 0..<outputs {
                let label = classes == 2 ? 1 : output
                let error = probabilities[label] - (truth[row] == label ? 1 : 0)
                let base = output * features
                ratios[output].withUnsafeBufferPointer { ratio in
                    for feature in rows[row] { gradient[base + Int(feature)] += error * Double(ratio[Int(feature)]) }
                }
                gradient[outputs * features + output] += error
            }
            return -log(max(1e-300, probabilities[truth[row]]))
        }
    }
}
