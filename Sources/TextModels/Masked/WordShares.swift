import Base

/// The scores of a bag model over the variants of one text: each word has its share in each score, before the mean.
struct WordShares {
    private let model: NetworkModel
    private let biases: [Double]
    private var variants: VariantTokens
    private let outputs: Int
    /// The share of each token in each score, token by token.
    private var shares: [FixedPoint] = []
    private var stream: [Int32] = []
    private var sums: [FixedPoint] = []
    /// Tokens of the current variant, and those that the model reads.
    private var count = 0

    /// Whether a model is such a bag.
    static func fit(_ model: NetworkModel) -> Bool {
        let network = model.network
        return network.encode is IdentityEncoder && network.attend is MeanAttention && network.embed.features == nil
            && network.predict.link == .softmax
    }

    init(_ model: NetworkModel, _ variants: VariantTokens) {
        self.model = model
        self.variants = variants
        outputs = model.labels.count
        let row = model.network.predict.parameters[1].value
        biases = (0..<model.labels.count).map { Double(row[0, $0]) }
    }

    /// The probabilities for a variant. Only words that a mask changes are counted anew, unless they are many.
    mutating func score(_ mask: BitSet) -> [Double] {
        // Of a text that is too long the model leaves out the middle, so that a word moves others.
        if count <= model.limit, let units = variants.unitsChanged(by: mask) {
            for unit in units {
                guard let (from, to) = variants.move(unit) else { continue }
                learn()
                for token in from { add(token, -1) }
                for token in to { add(token, 1) }
                count += to.count - from.count
            }
            if count <= model.limit { return probabilities(count) }
        }
        variants.write(mask, to: &stream)
        learn()
        count = stream.count
        sums = [FixedPoint](repeating: FixedPoint(0), count: outputs)
        let ranges = WordVocabulary.kept(count, limit: model.limit)
        for range in ranges { for index in range { add(stream[index], 1) } }
        return probabilities(ranges.reduce(0) { $0 + $1.count })
    }

    private mutating func add(_ token: Int32, _ sign: Int) {
        for output in 0..<outputs {
            let share = shares[Int(token) * outputs + output]
            if sign > 0 { sums[output] += share } else { sums[output] -= share }
        }
    }

    private func probabilities(_ read: Int) -> [Double] {
        LinearModel.softmax(zip(sums, biases).map { $0.value / Double(max(1, read)) + $1 }, classes: 0)
    }

    /// Shares of tokens that are new since the last variant.
    private mutating func learn() {
        let known = shares.count / max(1, outputs)
        guard known < variants.spellings.count else { return }
        let numbers = model.vocabulary.numbers(of: Array(variants.spellings[known...]))
        let vectors = model.network.embed.forward(numbers)
        let weight = model.network.predict.parameters[0].value
        for row in 0..<vectors.rows {
            for column in 0..<weight.columns {
                let share = (0..<weight.rows).reduce(0) {
                    $0 + Double(vectors[row, $1]) * Double(weight[$1, column])
                }
                shares.append(FixedPoint(share))
            }
        }
    }
}
