import Base

/// A trained text classifier: linear or a network, whatever its specification says.
public struct TextModel: GradientPredictor {
    enum Kind: Sendable {
        case linear(LinearModel)
        case network(NetworkModel)
    }

    let kind: Kind
    public let spec: ModelSpec
    public let training: TrainingSpec
    /// What each epoch, or each strength of the penalty, came to on the dev data.
    public let history: [JSON]
    /// What the caller wants remembered: data files, for instance.
    public var provenance: JSON

    public var labels: [String] {
        switch kind {
        case .linear(let model): model.labels
        case .network(let model): model.labels
        }
    }

    /// Trains a model. The same data, specification and seed give the same model, bit for bit, on the same kind of
    /// machine, with any number of processors.
    ///
    /// - Throws: `MLError(.invalidInput)` when there are fewer than two classes or the dev data has others.
    public static func train(
        _ spec: ModelSpec, _ training: TrainingSpec, train: Dataset, dev: Dataset, provenance: JSON = .null,
        progress: any ProgressReporter = SilentProgress(), options: TrainingOptions = TrainingOptions()
    ) throws -> TextModel {
        if case .words = spec.embed {
            var run = NetworkTraining(spec: spec, training: training, progress: progress)
            run.options = options
            let result = try run.fit(train: train, dev: dev)
            return TextModel(
                kind: .network(result.model), spec: spec, training: training, history: result.history,
                provenance: provenance)
        }
        let labels = Set(train.labels).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard labels.count >= 2 else {
            throw MLError(
                .invalidInput,
                "the training data has \(labels.count == 1 ? "only the label '\(labels[0])'" : "no labels")")
        }
        guard case .ngrams(let n, let minimumCount) = spec.embed else {
            throw MLError(.invalidInput, "a linear model embeds n-grams")
        }
        let result = try LinearTraining.fit(
            (n, minimumCount), training, labels: labels, train: train, dev: dev, progress: progress)
        return TextModel(
            kind: .linear(result.model), spec: spec, training: training, history: result.history, provenance: provenance
        )
    }

    init(kind: Kind, spec: ModelSpec, training: TrainingSpec, history: [JSON], provenance: JSON) {
        self.kind = kind
        self.spec = spec
        self.training = training
        self.history = history
        self.provenance = provenance
    }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        switch kind {
        case .linear(let model): try model.predict(texts)
        case .network(let model): try model.predict(texts)
        }
    }

    public func tokens(of text: String) throws -> [TextToken] {
        if case .network(let model) = kind { return model.reader.tokens(of: text) }
        return Tokeniser.tokens(of: text)
    }

    /// Whether the model sees the words of `Tokeniser.tokens(of:)`: not pieces of words, capitals, or pairs.
    public var readsPlainWords: Bool {
        if case .network(let model) = kind { return model.reader.isPlain }
        return true
    }
}
