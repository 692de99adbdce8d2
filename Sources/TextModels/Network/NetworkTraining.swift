import Base
import Glibc
import Tensors

/// Trains a network: mini-batches of texts of like length, early stopping on the dev loss.
struct NetworkTraining {
    /// Parts a batch is cut into, whatever the number of processors: sums are then always the same.
    private static let shards = 4

    let spec: ModelSpec
    var training: TrainingSpec
    let progress: any ProgressReporter
    var options = TrainingOptions()

    /// - Returns: the network of the epoch with the lowest dev loss, its words, and what each epoch came to.
    func fit(train: Dataset, dev: Dataset) throws -> (model: NetworkModel, history: [JSON]) {
        guard case .words(_, _, let limit) = spec.embed else {
            throw MLError(.invalidInput, "a network embeds words")
        }
        progress.report("Reading texts", completed: 0, total: 1, detail: "\(train.count) texts")
        let targets = try Targets(train, spec.predict.output, name: "training data")
        let devTargets = try Targets(dev, spec.predict.output, known: targets.labels, name: "dev data")
        var model = try start(train, labels: targets.labels)
        let reader = model.reader
        let vocabulary = model.vocabulary
        var texts = try parallelMap(count: train.count) {
            vocabulary.numbers(of: reader.words(of: train.texts[$0]), limit: limit)
        }
        var devTexts = try parallelMap(count: dev.count) {
            vocabulary.numbers(of: reader.words(of: dev.texts[$0]), limit: limit)
        }
        if spec.predict.output == .regression, targets.rows.count > 0 {
            // From the mean on: the first steps need not look for it.
            let mean = targets.rows.reduce(0) { $0 + Double($1[0]) } / Double(targets.rows.count)
            model.network.predict.parameters[1].value.values[0] = Float(mean)
        }
        let weights = try classWeights(targets)
        var run = self
        let head = try FrozenHead(model, texts: texts, devTexts: devTexts, progress: progress)
        if let head {
            (model, texts, devTexts) = (head.model, head.texts, head.devTexts)
            run.training.wordDropout = 0
        }
        var state = TrainingState(model.network.parameters, training)
        let identity = TrainingState.identity(spec, training, train: train, dev: dev)
        if let saved = try options.checkpoint.flatMap({ try TrainingState(reading: $0, identity: identity) }) {
            state = try saved.fitting(state)
            model.network.parameters = state.parameters
        }
        while state.epoch < training.epochs, state.withoutGain < training.patience {
            let batches = batches(texts, epoch: state.epoch)
            while state.batch < batches.count {
                let group = Array(batches[state.batch..<min(state.batch + training.accumulate, batches.count)])
                try run.step(group, batches.count, &model, &state, texts, targets, weights)
                if let every = options.checkpointEvery, state.optimiser.step % every == 0 {
                    try options.checkpoint.map { try state.save(to: $0, identity: identity) }
                }
                if let limit = options.maximumSteps, state.optimiser.step >= limit {
                    try options.checkpoint.map { try state.save(to: $0, identity: identity) }
                    throw MLError(.failed, "stopped after \(limit) steps")
                }
            }
            let answers = try model.predict(numbers: devTexts)
            finish(epoch: answers, devTargets, train.count, &state)
            try options.checkpoint.map { try state.save(to: $0, identity: identity) }
            try options.onEpoch?(
                state.epoch,
                TextModel(
                    kind: .network(head?.restored(model) ?? model), spec: spec, training: training,
                    history: state.history, provenance: .null))
        }
        model.network.parameters = try kept(state)
        if spec.predict.isCalibrated, dev.count > 0 {
            let temperature = Calibration.temperature(try model.predict(numbers: devTexts), devTargets)
            // Scores divided by a number are weights and biases divided by it.
            for index in 0..<2 { model.network.predict.parameters[index].value.scale(by: Float(1 / temperature)) }
            state.history.append(["temperature": JSON(temperature)])
        }
        return (head?.restored(model) ?? model, state.history)
    }

    /// The network before the first step, with the words of the training data.
    private func start(_ train: Dataset, labels: [String]) throws -> NetworkModel {
        guard case .words(let width, let minimumCount, _) = spec.embed else {
            throw MLError(.invalidInput, "a network embeds words")
        }
        if case .pretrained(let folder) = spec.vectors.source {
            let file = try PretrainedFile(folder: folder) { try options.read(folder + "/" + $0) }
            if case .words(_, _, let limit) = spec.embed, limit > file.shape.places - 2 {
                throw MLError(
                    .invalidInput,
                    "'model.embed.max_tokens' is \(limit), '\(folder)' reads at most \(file.shape.places - 2)")
            }
            let encoder = try file.encoder(isFrozen: spec.vectors.isFrozen)
            let reader = TextReader(spec, pieces: WordPiece(pieces: file.pieces, isLowercase: file.isLowercase))
            var network = Network(
                spec, words: file.pieces.count + 1, classes: labels.count, seed: training.seed, pretrained: encoder)
            network.embed.table.value = try file.table()
            return NetworkModel(
                labels: labels, spec: spec, reader: reader, vocabulary: WordVocabulary(words: file.pieces),
                network: network)
        }
        if case .pieces(let path) = spec.vectors.source {
            let file = try PieceFile(path: path, reading: options.read)
            let vocabulary = WordVocabulary(words: file.pieces)
            return NetworkModel(
                labels: labels, spec: spec, reader: TextReader(spec, pieces: file.reader), vocabulary: vocabulary,
                network: Network(spec, words: vocabulary.count, classes: labels.count, seed: training.seed))
        }
        let reader = TextReader(spec)
        let words = try parallelMap(count: train.count) { reader.words(of: train.texts[$0]) }
        let vocabulary = WordVocabulary.learn(words, minimumCount: minimumCount, features: spec.features)
        var network = Network(
            spec, words: vocabulary.count, classes: labels.count, seed: training.seed, features: vocabulary.features)
        if case .table(let path?) = spec.vectors.source {
            let file = try VectorFile(path: path, wanted: Set(vocabulary.words), reading: options.read)
            guard file.width == width else {
                throw MLError(
                    .invalidInput,
                    "the vectors of '\(path)' have \(file.width) numbers, 'model.embed.width' is \(width)",
                    hint: "set 'width: \(file.width)'")
            }
            for (number, word) in vocabulary.words.enumerated() {
                guard let vector = file.vectors[word] else { continue }
                for column in 0..<width { network.embed.table.value[number + 1, column] = vector[column] }
            }
        }
        return NetworkModel(labels: labels, spec: spec, reader: reader, vocabulary: vocabulary, network: network)
    }

    private func classWeights(_ targets: Targets) throws -> [Float]? {
        let counts = targets.labels.indices.map { label in targets.rows.reduce(0) { $0 + Double($1[label]) } }
        return try training.classWeights.weights(labels: targets.labels, counts: counts)
    }

    /// One step over one or several batches.
    private func step(
        _ group: [[Int]], _ count: Int, _ model: inout NetworkModel, _ state: inout TrainingState, _ texts: [[Int32]],
        _ targets: Targets, _ weights: [Float]?
    ) throws {
        let epoch = state.epoch
        let parts = try gradients(group, model.network, epoch, texts, targets, weights)
        // The state alone holds the weights while they move: shared ones would be copied, the whole table for each step.
        model.network.parameters = model.network.parameters.map { Parameter($0.name, Matrix(0, 0)) }
        let loss = parts.reduce(0) { $0 + $1.loss }
        let done = state.epoch * count + state.batch
        let rate = training.rate(at: Double(done) / Double(training.epochs * count))
        let norm = state.optimiser.apply(
            parts.map(\.gradients), to: &state.parameters, rate: rate, share: 1 / Float(group.count))
        guard loss.isFinite, norm.isFinite else {
            let rows = group.joined().map { String($0 + 1) }
            throw MLError(
                .invalidInput,
                "the loss became \(loss) in epoch \(epoch + 1), batch \(state.batch + 1) of \(count), on the texts in rows "
                    + rows.prefix(20).joined(separator: ", ") + (rows.count > 20 ? ", …" : ""),
                hint: "lower 'training.learning_rate', or set 'training.clip'")
        }
        model.network.parameters = state.parameters
        state.loss += loss
        state.batch += group.count
        let texts = group.reduce(0) { $0 + $1.count }
        if state.optimiser.step % training.logEvery == 0 || state.optimiser.step == 1 {
            try options.onStep?([
                "step": JSON(state.optimiser.step), "epoch": JSON(epoch + 1), "loss": JSON(loss / Double(texts)),
                "learning_rate": JSON(rate), "gradient_norm": JSON(norm),
            ])
        }
        progress.report(
            "Training", completed: done + group.count, total: training.epochs * count,
            detail: "epoch \(epoch + 1) of \(training.epochs), loss \(round(loss / Double(texts) * 1e4) / 1e4)")
    }

    private func gradients(
        _ group: [[Int]], _ network: Network, _ epoch: Int, _ texts: [[Int32]], _ targets: Targets, _ weights: [Float]?
    ) throws -> [(loss: Double, gradients: Gradients)] {
        let worker = BatchGradients(spec: spec, training: training)
        return try group.flatMap { batch in
            try parallelMap(count: NetworkTraining.shards) { shard in
                worker.gradients(
                    network, NetworkTraining.part(batch, shard), texts, targets, weights, epoch, total: batch.count)
            }
        }
    }

    private func finish(epoch answers: [[Double]], _ dev: Targets, _ count: Int, _ state: inout TrainingState) {
        let devLoss = dev.loss(answers, spec.predict.output)
        var entry: JSONObject = [
            "epoch": JSON(state.epoch + 1), "train_log_loss": JSON(state.loss / Double(max(1, count))),
            "dev_log_loss": JSON(devLoss),
        ]
        if spec.predict.output == .softmax {
            let truth = dev.rows.map { Evaluation.argmax($0.map { Double($0) }) }
            entry["dev_accuracy"] = JSON(Evaluation(answers, truth, classes: dev.labels.count).accuracy)
        }
        state.history.append(.object(entry))
        if dev.rows.isEmpty || state.bestLoss.map({ devLoss < $0 }) ?? true {
            state.bestLoss = devLoss
            state.best = state.parameters.map(\.value)
            state.withoutGain = 0
        } else {
            state.withoutGain += 1
        }
        state.remember(training.averageLast)
        state.epoch += 1
        state.batch = 0
        state.loss = 0
    }

    /// The best epoch's weights, or the mean of the last ones.
    private func kept(_ state: TrainingState) throws -> [Parameter] {
        let recent = state.recent
        guard training.averageLast > 0, let first = recent.first else {
            return zip(state.parameters, state.best ?? state.parameters.map(\.value)).map { Parameter($0.name, $1) }
        }
        return state.parameters.enumerated().map { index, parameter in
            var sum = first[index]
            for values in recent.dropFirst() { sum.add(values[index]) }
            sum.scale(by: 1 / Float(recent.count))
            return Parameter(parameter.name, sum)
        }
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
}
