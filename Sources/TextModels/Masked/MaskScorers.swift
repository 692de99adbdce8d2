import Base

extension TextModel: MaskedPredictor {
    public func scorer(for text: any MaskableText) throws -> (any MaskScorer)? {
        guard readsPlainWords, let variants = VariantTokens(text) else { return nil }
        switch kind {
        case .linear(let model): return LinearScorer(model, variants)
        case .network(let model):
            return WordShares.fit(model) ? BagScorer(model, variants) : NetworkScorer(model, variants)
        }
    }
}

/// Adds up the weights of the n-grams that a variant has.
private final class LinearScorer: MaskScorer, @unchecked Sendable {
    private let mutex = Mutex()
    private var sums: FeatureSums

    init(_ model: LinearModel, _ variants: VariantTokens) { sums = FeatureSums(model, variants) }

    func outputs(_ masks: [BitSet]) throws -> [[Double]] { mutex.withLock { sums.scores(masks) } }
}

/// Adds up the shares that words have in the scores, where nothing stands between the words and their mean.
private final class BagScorer: MaskScorer, @unchecked Sendable {
    private let mutex = Mutex()
    private var shares: WordShares

    init(_ model: NetworkModel, _ variants: VariantTokens) { shares = WordShares(model, variants) }

    func outputs(_ masks: [BitSet]) throws -> [[Double]] { mutex.withLock { masks.map { shares.score($0) } } }
}

/// Numbers of words for whole batches of variants.
private final class NetworkScorer: MaskScorer, @unchecked Sendable {
    private let model: NetworkModel
    private let mutex = Mutex()
    private var variants: VariantTokens
    private var numbers: [Int32] = []

    init(_ model: NetworkModel, _ variants: VariantTokens) {
        self.model = model
        self.variants = variants
    }

    func outputs(_ masks: [BitSet]) throws -> [[Double]] {
        let streams = mutex.withLock { masks.map { stream($0) } }
        return try model.predict(
            numbers: streams.map { tokens in
                WordVocabulary.kept(tokens.count, limit: model.limit).flatMap { $0.map { numbers[Int(tokens[$0])] } }
            })
    }

    private func stream(_ mask: BitSet) -> [Int32] {
        var tokens: [Int32] = []
        variants.write(mask, to: &tokens)
        if numbers.count < variants.spellings.count {
            numbers += model.vocabulary.numbers(of: Array(variants.spellings[numbers.count...]))
        }
        return tokens
    }
}
