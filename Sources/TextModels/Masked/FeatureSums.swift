import Base

/// The scores of a linear model over the variants of one text. Words and pairs of words are looked up once for the text.
///
/// A feature counts once however often it occurs, so its occurrences are counted, and what a mask changes is taken away and
/// added; sums are exact, so that no order of masks changes a bit of them.
struct FeatureSums {
    let model: LinearModel
    let outputs: Int
    var variants: VariantTokens
    /// The model's word number of each token.
    private var words: [UInt64] = []
    /// The place of each token's feature in `counts`: 0 for none, which weighs nothing.
    private(set) var single: [Int32] = []
    /// The same of pairs of tokens, a square table of `side` rows that is grown by doubling; −2 for not looked up. Pairs of
    /// tokens beyond it are among the tuples.
    private(set) var pairTable: [Int32] = []
    private(set) var side = 0
    /// A table of this size takes 4 MiB.
    private static let largestSide = 1024
    /// The same of three tokens, and of pairs beyond the table.
    private var tuples = TupleFeatures()
    private var stream: [Int32] = []
    private var window: [Int32] = []
    /// Features in dense numbers of this text, with one weight for each output.
    private var places: [Int32: Int] = [:]
    private(set) var weights: [FixedPoint] = []
    /// How often each feature occurs in the current variant, if `epoch` is that of `self`; else not at all.
    private var counts: [(epoch: Int32, count: Int32)] = []
    private var epoch: Int32 = 0
    let biases: [FixedPoint]
    private var sums: [FixedPoint]
    /// What `score(block:)` works in.
    var columns = FeatureColumns()

    init(_ model: LinearModel, _ variants: VariantTokens) {
        self.model = model
        self.variants = variants
        biases = model.biases.map { FixedPoint(Double($0)) }
        sums = biases
        outputs = biases.count
        counts = [(0, 0)]
        weights = [FixedPoint](repeating: FixedPoint(0), count: outputs)
    }

    /// The probabilities for a variant. Only features that a mask changes are counted anew, unless they are many.
    mutating func score(_ mask: BitSet) -> [Double] {
        if let units = variants.unitsChanged(by: mask) {
            for unit in units { move(unit) }
        } else {
            count(mask)
        }
        return model.probabilities(sums.map(\.value))
    }

    /// Takes away the n-grams that a unit's old tokens are part of or keep apart, and adds those of its new ones.
    private mutating func move(_ unit: Int) {
        guard let (from, to) = variants.move(unit) else { return }
        learnWords()
        let n = model.vocabulary.n
        for (tokens, sign) in [(from, Int32(-1)), (to, 1)] {
            window.removeAll(keepingCapacity: true)
            variants.append(before: unit, limit: n - 1, to: &window)
            let start = window.count
            window += tokens
            let end = window.count
            variants.append(after: unit, limit: n - 1, to: &window)
            for first in 0..<end {
                // What ends before the unit, or begins after it, stays.
                for last in max(first, start)..<min(first + n, window.count) {
                    let feature =
                        switch last - first {
                        case 0: single[Int(window[first])]
                        case 1: pair(Int(window[first]), Int(window[last]))
                        default: triple(Int(window[first]), Int(window[first + 1]), Int(window[last]))
                        }
                    add(Int(feature), sign)
                }
            }
        }
    }

    private mutating func add(_ feature: Int, _ sign: Int32) {
        let before = counts[feature].epoch == epoch ? counts[feature].count : 0
        counts[feature] = (epoch, before + sign)
        if sign > 0, before == 0 { for output in 0..<outputs { sums[output] += weights[feature * outputs + output] } }
        if sign < 0, before == 1 { for output in 0..<outputs { sums[output] -= weights[feature * outputs + output] } }
    }

    /// Counts all features of a variant.
    private mutating func count(_ mask: BitSet) {
        variants.write(mask, to: &stream)
        learnWords()
        if epoch == .max {
            for index in counts.indices { counts[index] = (0, 0) }
            epoch = 0
        }
        epoch += 1
        sums = biases
        var place = 0
        while let missing = count(from: &place) {
            // Looked up once for the text; then the sum goes on where it stopped.
            if missing == .triple {
                triple(Int(stream[place]), Int(stream[place + 1]), Int(stream[place + 2]))
            } else {
                pair(Int(stream[place]), Int(stream[place + 1]))
            }
        }
    }

    /// Counts the features that begin at the tokens from `place` on. Stops before a token with a pair or triple that was
    /// never looked up; nil at the end.
    private mutating func count(from place: inout Int) -> Missing? {
        let (n, side, count, epoch) = (model.vocabulary.n, side, stream.count, epoch)
        let (tuples, outputs) = (tuples, outputs)
        return stream.withUnsafeBufferPointer { stream in
            single.withUnsafeBufferPointer { single in
                pairTable.withUnsafeBufferPointer { pairTable in
                    counts.withUnsafeMutableBufferPointer { counts in
                        weights.withUnsafeBufferPointer { weights in
                            sums.withUnsafeMutableBufferPointer { sums -> Missing? in
                                var first = sums[0]
                                defer { sums[0] = first }
                                @inline(__always) func add(_ feature: Int32) {
                                    let feature = Int(feature)
                                    guard counts[feature].epoch != epoch else { return counts[feature].count += 1 }
                                    counts[feature] = (epoch, 1)
                                    first += weights[feature * outputs]
                                    for output in 1..<max(1, outputs) {
                                        sums[output] += weights[feature * outputs + output]
                                    }
                                }
                                while place < count {
                                    let own = Int(stream[place])
                                    var (two, three): (Int32, Int32) = (0, 0)
                                    if n > 1, place + 1 < count {
                                        let next = Int(stream[place + 1])
                                        // Nearly always the table knows.
                                        two =
                                            max(own, next) < side
                                            ? pairTable[own * side + next] : tuples[TupleFeatures.key(own, next)]
                                        if two == -2 { return .pair }
                                        if n > 2, place + 2 < count {
                                            three = tuples[TupleFeatures.key(own, next, Int(stream[place + 2]))]
                                            if three == -2 { return .triple }
                                        }
                                    }
                                    add(single[own])
                                    add(two)
                                    add(three)
                                    place += 1
                                }
                                return nil
                            }
                        }
                    }
                }
            }
        }
    }

    private enum Missing { case pair, triple }

    /// The feature of three tokens.
    @discardableResult
    mutating func triple(_ first: Int, _ second: Int, _ third: Int) -> Int32 {
        let key = TupleFeatures.key(first, second, third)
        let known = tuples[key]
        if known != -2 { return known }
        let feature = lookUp([words[first], words[second], words[third]])
        tuples[key] = feature
        return feature
    }

    /// The feature of two tokens.
    @discardableResult
    mutating func pair(_ first: Int, _ second: Int) -> Int32 {
        let isInTable = max(first, second) < side
        let key = TupleFeatures.key(first, second)
        let known = isInTable ? pairTable[first * side + second] : tuples[key]
        if known != -2 { return known }
        let feature = lookUp([words[first], words[second]])
        if isInTable { pairTable[first * side + second] = feature } else { tuples[key] = feature }
        return feature
    }

    /// Numbers for tokens that are new since the last variant.
    mutating func learnWords() {
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

    /// The dense number of the feature of some words; 0 when the model has none.
    private mutating func lookUp(_ words: [UInt64]) -> Int32 {
        guard let feature = model.vocabulary.feature(of: words) else { return 0 }
        if let place = places[feature] { return Int32(place) }
        let place = counts.count
        places[feature] = place
        for row in model.weights { weights.append(FixedPoint(Double(row[Int(feature)]))) }
        counts.append((0, 0))
        return Int32(place)
    }
}
