import Base

extension TextModel: MaskedPredictor {
    public func scorer(for text: any MaskableText) throws -> (any MaskScorer)? {
        guard readsPlainWords, let variants = VariantTokens(text) else { return nil }
        switch kind {
        case .linear(let model): return LinearScorer(model, variants)
        case .network(let model): return NetworkScorer(model, variants)
        }
    }
}

/// Adds up the weights of the n-grams that a variant has; words and pairs of words are looked up once for the text.
private final class LinearScorer: MaskScorer, @unchecked Sendable {
    private let mutex = Mutex()
    private var sums: FeatureSums

    init(_ model: LinearModel, _ variants: VariantTokens) { sums = FeatureSums(model, variants) }

    func outputs(_ masks: [BitSet]) throws -> [[Double]] { mutex.withLock { sums.outputs(masks) } }
}

/// What a linear scorer has learnt of its text so far.
private struct FeatureSums {
    private let model: LinearModel
    private let biases: [Double]
    private var variants: VariantTokens
    /// The model's word number of each token.
    private var words: [UInt64] = []
    /// The place of each token's feature in `weights`: −1 for none.
    private var single: [Int32] = []
    /// The same of pairs of tokens, a square table of `side` rows that is grown by doubling; −2 for not looked up. Pairs of
    /// tokens beyond it are among the triples.
    private var pairTable: [Int32] = []
    private var side = 0
    /// A table of this size takes 16 MiB.
    private static let largestSide = 2048
    /// The same of three tokens; the third number is 2²¹ − 1 for pairs.
    private var triples: [UInt64: Int32] = [:]
    private var stream: [Int32] = []
    /// The features of a variant, repeats included: places in `weights`, or less than 0.
    private var found: [Int32] = []
    private var variant = 0
    /// Features in dense numbers of this text, with one weight for each output.
    private var places: [Int32: Int] = [:]
    private var weights: [Double] = []
    /// The variant in which a feature was last counted.
    private var seen: [Int] = []

    init(_ model: LinearModel, _ variants: VariantTokens) {
        self.model = model
        self.variants = variants
        biases = model.biases.map(Double.init)
    }

    mutating func outputs(_ masks: [BitSet]) -> [[Double]] {
        var out: [[Double]] = []
        out.reserveCapacity(masks.count)
        for mask in masks { out.append(score(mask)) }
        return out
    }

    private mutating func score(_ mask: BitSet) -> [Double] {
        stream.removeAll(keepingCapacity: true)
        variants.append(mask, to: &stream)
        learnWords()
        variant += 1
        found.removeAll(keepingCapacity: true)
        let n = model.vocabulary.n
        for index in stream.indices {
            let own = Int(stream[index])
            found.append(single[own])
            if n > 1, index + 1 < stream.count {
                let next = Int(stream[index + 1])
                // Nearly always the table knows.
                let known = max(own, next) < side ? pairTable[own * side + next] : -2
                found.append(known == -2 ? pair(own, next) : known)
                if n > 2, index + 2 < stream.count { found.append(triple(own, next, Int(stream[index + 2]))) }
            }
        }
        var scores = biases
        if scores.count == 1 {
            var sum = scores[0]
            let variant = variant
            found.withUnsafeBufferPointer { found in
                seen.withUnsafeMutableBufferPointer { seen in
                    weights.withUnsafeBufferPointer { weights in
                        for place in found where place >= 0 && seen[Int(place)] != variant {
                            seen[Int(place)] = variant
                            sum += weights[Int(place)]
                        }
                    }
                }
            }
            scores[0] = sum
        } else {
            for place in found { add(Int(place), &scores) }
        }
        return model.probabilities(scores)
    }

    private mutating func triple(_ first: Int, _ second: Int, _ third: Int) -> Int32 {
        let key = UInt64(first) << 42 | UInt64(second) << 21 | UInt64(third)
        if let known = triples[key] { return known }
        let place = lookUp([words[first], words[second], words[third]])
        triples[key] = place
        return place
    }

    @inline(__always) private mutating func add(_ place: Int, _ scores: inout [Double]) {
        if place < 0 || seen[place] == variant { return }
        seen[place] = variant
        let start = place * scores.count
        for output in scores.indices { scores[output] += weights[start + output] }
    }

    private mutating func pair(_ first: Int, _ second: Int) -> Int32 {
        if max(first, second) < side {
            let known = pairTable[first * side + second]
            if known != -2 { return known }
            let place = lookUp([words[first], words[second]])
            pairTable[first * side + second] = place
            return place
        }
        let key = UInt64(first) << 42 | UInt64(second) << 21 | (1 << 21 - 1)
        if let known = triples[key] { return known }
        let place = lookUp([words[first], words[second]])
        triples[key] = place
        return place
    }

    /// Numbers for tokens that are new since the last variant.
    private mutating func learnWords() {
        guard words.count < variants.spellings.count else { return }
        for spelling in variants.spellings[words.count...] {
            let word = model.vocabulary.number(of: spelling)
            words.append(word)
            single.append(lookUp([word]))
        }
        guard model.vocabulary.n > 1, words.count > side, side < FeatureSums.largestSide else { return }
        let old = side
        let before = pairTable
        side = min(FeatureSums.largestSide, max(64, words.count * 2))
        pairTable = [Int32](repeating: -2, count: side * side)
        for row in 0..<old {
            for column in 0..<old { pairTable[row * side + column] = before[row * old + column] }
        }
    }

    /// The dense number of the feature of some words; −1 when the model has none.
    private mutating func lookUp(_ words: [UInt64]) -> Int32 {
        guard let feature = model.vocabulary.feature(of: words) else { return -1 }
        if let place = places[feature] { return Int32(place) }
        let place = seen.count
        places[feature] = place
        for row in model.weights { weights.append(Double(row[Int(feature)])) }
        seen.append(0)
        return Int32(place)
    }
}

/// Numbers of words for whole batches of variants; where nothing stands between the words and their mean, their shares of
/// the scores alone.
private final class NetworkScorer: MaskScorer, @unchecked Sendable {
    private let model: NetworkModel
    private let mutex = Mutex()
    private var variants: VariantTokens
    private var numbers: [Int32] = []
    private let isBag: Bool
    /// The share of each token in each score, before the mean.
    private var shares: [[Double]] = []

    init(_ model: NetworkModel, _ variants: VariantTokens) {
        self.model = model
        self.variants = variants
        isBag =
            model.network.encode is IdentityEncoder && model.network.attend is MeanAttention
            && model.network.embed.features == nil && model.network.predict.link == .softmax
    }

    func outputs(_ masks: [BitSet]) throws -> [[Double]] {
        let streams = mutex.withLock { masks.map { stream($0) } }
        if isBag { return mutex.withLock { streams.map { bag($0) } } }
        return try model.predict(
            numbers: streams.map { tokens in
                WordVocabulary.kept(tokens.count, limit: model.limit).flatMap { $0.map { numbers[Int(tokens[$0])] } }
            })
    }

    private func stream(_ mask: BitSet) -> [Int32] {
        var tokens: [Int32] = []
        variants.append(mask, to: &tokens)
        if numbers.count < variants.spellings.count {
            let fresh = Array(variants.spellings[numbers.count...])
            numbers += model.vocabulary.numbers(of: fresh)
            if isBag {
                let vectors = model.network.embed.forward(Array(numbers.suffix(fresh.count)))
                let weight = model.network.predict.parameters[0].value
                for row in 0..<vectors.rows {
                    shares.append(
                        (0..<weight.columns).map { column in
                            (0..<weight.rows).reduce(0) { $0 + Double(vectors[row, $1]) * Double(weight[$1, column]) }
                        })
                }
            }
        }
        return tokens
    }

    private func bag(_ tokens: [Int32]) -> [Double] {
        var scores = [Double](repeating: 0, count: model.labels.count)
        let ranges = WordVocabulary.kept(tokens.count, limit: model.limit)
        for range in ranges {
            for index in range {
                let share = shares[Int(tokens[index])]
                for label in scores.indices { scores[label] += share[label] }
            }
        }
        let count = Double(max(1, ranges.reduce(0) { $0 + $1.count }))
        let biases = model.network.predict.parameters[1].value
        for label in scores.indices { scores[label] = scores[label] / count + Double(biases[0, label]) }
        return LinearModel.softmax(scores, classes: 0)
    }
}
