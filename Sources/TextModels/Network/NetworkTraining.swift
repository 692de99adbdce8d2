import Base
import Glibc
import Tensors

/// Trains a network: mini-batches of texts of like length, Adam, early stopping on the dev loss.
struct NetworkTraining {
    /// Parts a batch is cut into, whatever the number of processors: sums are then always the same.
    private static let shards = 4

    let spec: ModelSpec
    let training: TrainingSpec
    let labels: [String]
    let progress: any ProgressReporter

    /// - Returns: the network of the epoch with the lowest dev loss, its words, and what each epoch came to.
    func fit(train: Dataset, dev: Dataset) throws -> (model: NetworkModel, history: [JSON]) {
        guard case .words(_, let minimumCount, let limit) = spec.embed else {
            throw MLError(.invalidInput, "a network embeds words")
        }
        progress.report("Reading texts", completed: 0, total: 1, detail: "\(train.count) texts")
        let words = try parallelMap(count: train.count) { Tokeniser.words(of: train.texts[$0]) }
        let vocabulary = WordVocabulary.learn(words, minimumCount: minimumCount)
        let texts = try parallelMap(count: words.count) { vocabulary.numbers(of: words[$0], limit: limit) }
        let truth = try Evaluation.indices(of: train.labels, in: labels, name: "training data")
        let devTruth = try Evaluation.indices(of: dev.labels, in: labels, name: "dev data")
        var model = NetworkModel(
            labels: labels, spec: spec, vocabulary: vocabulary,
            network: Network(spec, words: vocabulary.count, classes: labels.count, seed: training.seed))
        let devTexts = try parallelMap(count: dev.count) {
            vocabulary.numbers(of: Tokeniser.words(of: dev.texts[$0]), limit: limit)
        }
        var parameters = model.network.parameters
        var adam = Adam(parameters)
        var best: (loss: Double, model: NetworkModel)?
        var history: [JSON] = []
        var withoutGain = 0
        for epoch in 0..<training.epochs {
            var loss = 0.0
            let batches = batches(texts, epoch: epoch)
            for (number, batch) in batches.enumerated() {
                let network = model.network
                let parts = try parallelMap(count: NetworkTraining.shards) { shard in
                    self.step(network, NetworkTraining.part(batch, shard), texts, truth, epoch, total: batch.count)
                }
                for part in parts { loss += part.loss }
                // The step size falls in a line to zero, so that the last epochs settle.
                let progressed = Double(epoch * batches.count + number) / Double(training.epochs * batches.count)
                adam.apply(parts.map(\.gradients), to: &parameters, rate: training.learningRate * (1 - progressed))
                model.network.parameters = parameters
                progress.report(
                    "Training", completed: epoch * batches.count + number + 1, total: training.epochs * batches.count,
                    detail: "epoch \(epoch + 1) of \(training.epochs)")
            }
            let evaluation = Evaluation(try model.predict(numbers: devTexts), devTruth, classes: labels.count)
            let trainLoss = loss / Double(max(1, train.count))
            history.append([
                "epoch": JSON(epoch + 1), "train_log_loss": JSON(trainLoss), "dev_log_loss": JSON(evaluation.logLoss),
                "dev_accuracy": JSON(evaluation.accuracy),
            ])
            if dev.count == 0 || best.map({ evaluation.logLoss < $0.loss }) ?? true {
                best = (evaluation.logLoss, model)
                withoutGain = 0
            } else {
                withoutGain += 1
                if withoutGain >= training.patience { break }
            }
        }
        return (best?.model ?? model, history)
    }

    /// Batches for one epoch: texts shuffled, then sorted by length within stretches of fifty batches, then batches shuffled.
    func batches(_ texts: [[Int32]], epoch: Int) -> [[Int]] {
        var random = SeededRandom(seed: training.seed, purpose: "shuffle", position: UInt64(epoch))
        let order = Array(texts.indices).shuffled(using: &random)
        let stretch = training.batch * 50
        var batches: [[Int]] = []
        for start in stride(from: 0, to: order.count, by: stretch) {
            let part = order[start..<min(start + stretch, order.count)].sorted {
                (texts[$0].count, $0) < (texts[$1].count, $1)
            }
            for first in stride(from: 0, to: part.count, by: training.batch) {
                batches.append(Array(part[first..<min(first + training.batch, part.count)]))
            }
        }
        return batches.shuffled(using: &random)
    }

    private static func part(_ batch: [Int], _ shard: Int) -> ArraySlice<Int> {
        batch[(batch.count * shard / shards)..<(batch.count * (shard + 1) / shards)]
    }

    /// Loss and gradients of some texts of a batch; gradients are those of the batch's mean loss.
    private func step(
        _ network: Network, _ rows: ArraySlice<Int>, _ texts: [[Int32]], _ truth: [Int], _ epoch: Int, total: Int
    ) -> (loss: Double, gradients: Gradients) {
        var gradients = Gradients()
        if rows.isEmpty { return (0, gradients) }
        var ids: [[Int32]] = []
        var mask = Matrix(rows.count, network.encode.outputWidth, repeating: 1)
        let keep = Float(1 - training.dropout)
        for (place, row) in rows.enumerated() {
            var text = texts[row]
            if training.dropout > 0 {
                // Keyed by the text and the epoch: the same draws however texts are grouped.
                var random = SeededRandom(
                    seed: training.seed, purpose: "dropout", position: UInt64(epoch) << 32 | UInt64(row))
                for index in text.indices where random.uniform() < training.dropout { text[index] = -1 }
                for column in 0..<mask.columns {
                    mask[place, column] = random.uniform() < training.dropout ? 0 : 1 / keep
                }
            }
            ids.append(text)
        }
        let flat = Array(ids.joined())
        var vectors = network.embed.forward(flat)
        // Words that stay are as much louder as words are missing, so that a whole text looks the same as in training.
        vectors.scale(by: 1 / keep)
        let (probabilities, backward) = network.forward(
            vectors, offsets: Network.offsets(ids), dropout: Network.Dropout(mask: mask))
        var loss = 0.0
        var gradient = probabilities
        for (place, row) in rows.enumerated() {
            loss -= log(max(1e-30, Double(probabilities[place, truth[row]])))
            gradient[place, truth[row]] -= 1
        }
        gradient.scale(by: 1 / Float(total))
        var slopes = backward(gradient, &gradients)
        slopes.scale(by: 1 / keep)
        network.embed.backward(flat, slopes, &gradients)
        return (loss, gradients)
    }
}
