import Base

/// The coalitions that Kernel SHAP asks about, with their weights (shap/explainers/_kernel.py, `explain`).
struct CoalitionSample {
    private(set) var masks: [BitSet] = []
    private(set) var weights: [Double] = []
    /// The first so many come from sizes that are enumerated completely.
    private(set) var enumerated = 0
    /// Rows that were drawn together, and how often.
    private(set) var clusters: [(rows: [Int], draws: Int)] = []

    init(players: Int, budget: Int, source: DrawSource, seed: UInt64, purpose: String) {
        let sizes = players / 2
        // Sizes with a complement of another size.
        let paired = (players - 1) / 2
        var sizeWeights = (1...sizes).map { Double(players - 1) / Double($0 * (players - $0)) }
        for index in 0..<paired { sizeWeights[index] *= 2 }
        let sum = sizeWeights.reduce(0, +)
        for index in sizeWeights.indices { sizeWeights[index] /= sum }

        var full = 0
        var left = Double(budget)
        var remaining = sizeWeights
        for size in 1...sizes {
            let count = CoalitionSample.binomial(players, size)
            let rows = size <= paired ? 2 * count : count
            guard left * remaining[size - 1] / rows >= 1 - 1e-8 else { break }
            full += 1
            left -= rows
            let share = remaining[size - 1]
            if share < 1 { for index in remaining.indices { remaining[index] /= 1 - share } }
            let weight = sizeWeights[size - 1] / rows
            CoalitionSample.forEachSubset(of: players, size: size) { subset in
                let mask = BitSet(count: players, subset)
                add(mask, weight)
                if size <= paired { add(mask.complement, weight) }
            }
        }
        enumerated = masks.count
        if full == sizes { return }
        draw(
            budget - masks.count, sizeWeights: sizeWeights, full: full, paired: paired,
            draws: Draws(players: players, source: source, seed: seed, purpose: purpose))
        let drawn = weights[enumerated...].reduce(0, +)
        if drawn > 0 {
            let scale = sizeWeights[full...].reduce(0, +) / drawn
            for index in enumerated..<weights.count { weights[index] *= scale }
        }
    }

    private mutating func add(_ mask: BitSet, _ weight: Double) {
        masks.append(mask)
        weights.append(weight)
    }

    /// Random coalitions of the sizes that were not enumerated; what comes again gains weight.
    private mutating func draw(_ budget: Int, sizeWeights: [Double], full: Int, paired: Int, draws: Draws) {
        var draws = draws
        var left = budget
        // Sizes with complements are drawn half as often: each draw gives two rows.
        let chances = sizeWeights.indices.map { sizeWeights[$0] / ($0 < paired ? 2 : 1) }[full...]
        let total = chances.reduce(0, +)
        var cumulative: [Double] = []
        for chance in chances { cumulative.append((cumulative.last ?? 0) + chance / total) }
        let last = cumulative[cumulative.count - 1]
        for index in cumulative.indices { cumulative[index] /= last }
        draws.sizes(count: 4 * left, cumulative: cumulative)
        var clusterOf: [BitSet: Int] = [:]
        while left > 0, let (size, mask) = draws.next(smallest: full + 1) {
            if let cluster = clusterOf[mask] {
                for row in clusters[cluster].rows { weights[row] += 1 }
                clusters[cluster].draws += 1
                continue
            }
            clusterOf[mask] = clusters.count
            var rows = [masks.count]
            add(mask, 1)
            left -= 1
            if left > 0, size <= paired {
                rows.append(masks.count)
                add(mask.complement, 1)
                left -= 1
            }
            clusters.append((rows, 1))
        }
    }

    /// n over k as the package's `binom`: exact for what is enumerated.
    static func binomial(_ n: Int, _ k: Int) -> Double {
        var out = 1.0
        for index in 0..<k { out = (out * Double(n - index) / Double(index + 1)).rounded() }
        return out
    }

    /// All subsets of 0..<count with `size` elements, in lexicographic order.
    private static func forEachSubset(of count: Int, size: Int, _ body: ([Int]) -> Void) {
        var subset = Array(0..<size)
        while true {
            body(subset)
            guard let place = subset.indices.last(where: { subset[$0] < count - size + $0 }) else { return }
            subset[place] += 1
            for index in place + 1..<max(size, place + 1) { subset[index] = subset[index - 1] + 1 }
        }
    }

    /// Sizes and subsets one after the other.
    struct Draws {
        private let players: Int
        private let source: DrawSource
        private let seed: UInt64
        private let purpose: String
        private var legacy: LegacyNumPyRandom
        private var cumulative: [Double] = []
        /// Drawn before the subsets, as the package does.
        private var legacySizes: [Int] = []
        private var limit = 0
        private var position = 0

        init(players: Int, source: DrawSource, seed: UInt64, purpose: String) {
            self.players = players
            self.source = source
            self.seed = seed
            self.purpose = purpose
            legacy = LegacyNumPyRandom(seed: UInt32(truncatingIfNeeded: seed))
        }

        mutating func sizes(count: Int, cumulative: [Double]) {
            self.cumulative = cumulative
            limit = count
            guard source == .legacyNumPy else { return }
            for _ in 0..<count { legacySizes.append(index(of: legacy.uniform())) }
        }

        private func index(of value: Double) -> Int {
            cumulative.firstIndex { value < $0 } ?? cumulative.count - 1
        }

        mutating func next(smallest: Int) -> (size: Int, mask: BitSet)? {
            guard position < limit else { return nil }
            defer { position += 1 }
            switch source {
            case .legacyNumPy:
                let size = legacySizes[position] + smallest
                return (size, BitSet(count: players, legacy.permutation(players)[..<size]))
            case .keyed:
                var random = SeededRandom(seed: seed, purpose: purpose, position: UInt64(position))
                let size = index(of: random.uniform()) + smallest
                var order = Array(0..<players)
                for index in 0..<size { order.swapAt(index, index + random.below(players - index)) }
                return (size, BitSet(count: players, order[..<size]))
            }
        }
    }
}
