import Base
import Glibc

/// Kernel SHAP (Lundberg and Lee, NIPS 2017), with the sampling of shap 0.51's `KernelExplainer`: the Shapley values as
/// the weighted least squares of the worths over the players, under the constraint that they add up.
///
/// Coalition sizes are enumerated completely from the outside in, with their complements, as long as the budget affords
/// a whole size; the rest of it goes to random coalitions, each followed by its complement. With all 2ⁿ − 2 coalitions
/// the values are exact. Unlike the package's default (`l1_reg="num_features(10)"`) no word is left out
/// (`l1_reg=False`).
///
/// Standard errors are those of the sandwich over independent pairs of random coalitions (White 1980; Liang and Zeger
/// 1986 for clusters; Covert and Lee, "Improving KernelSHAP", AISTATS 2021, §4 on why the regression is asymptotically
/// normal), 0 when all coalitions were enumerated.
public struct KernelShapley: GameExplainer {
    /// Evaluations besides nobody and everybody; nil: 2n + 2048. Never more than 2ⁿ − 2.
    public var samples: Int?
    public var seed: UInt64
    public var source: DrawSource
    /// Doubles the samples until the top words are in a stable order (`RankStability`), up to `mostSamples`.
    public var tolerance: Double?
    public var masking: Masking

    public init(
        samples: Int? = nil, seed: UInt64 = 0, source: DrawSource = .keyed, tolerance: Double? = nil,
        masking: Masking = .init()
    ) {
        self.samples = samples
        self.seed = seed
        self.source = source
        self.tolerance = tolerance
        self.masking = masking
    }

    public var method: String { "kernel" }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSamples = 100_000
    /// Players whose system of equations fits into memory.
    public static let mostPlayers = 4096

    public var settings: JSONObject {
        var out: JSONObject = ["seed": json(seed: seed), "rng": .string(source.rawValue)]
        if let tolerance { out["tolerance"] = .number(tolerance) }
        return out
    }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        let n = game.players
        guard n <= KernelShapley.mostPlayers else {
            throw MLError(
                .invalidInput, "a text of \(n) words is too long for 'kernel'",
                hint: "it takes up to \(KernelShapley.mostPlayers) words; 'partition' or 'permutation' take more")
        }
        if let samples, samples < 1 {
            throw MLError(.usage, "'kernel' needs at least 1 sample, not \(samples)")
        }
        try source.check(seed: seed)
        try RankStability.check(tolerance, method: method)
        let all = n <= 30 ? 1 << n - 2 : 1 << 30
        var budget = min(samples ?? 2 * n + 2048, all)
        let most = min(max(budget, KernelShapley.mostSamples), all)
        let ends = try game.values([game.nobody, game.everybody], output: output)
        while true {
            let rows = CoalitionSample(
                players: n, budget: budget, source: source, seed: seed, purpose: "kernel \(key)")
            let worths = try game.values(rows.masks, output: output).map { $0 - ends[0] }
            let fit = try regression(rows, worths: worths, total: ends[1] - ends[0])
            var stable = true
            if let tolerance, rows.enumerated < rows.masks.count {
                stable = RankStability.isStable(
                    values: fit.values, standardErrors: fit.errors, tolerance: tolerance)
                if !stable, budget < most {
                    budget = min(most, budget * 2)
                    continue
                }
            }
            var remarks = ["\(rows.masks.count) of \(n <= 30 ? String(all) : "2^\(n)") coalitions, seed \(seed)"]
            if !stable { remarks.append("the order of the top words is not settled after \(budget) samples") }
            return GameValues(
                values: fit.values, standardErrors: fit.errors, base: ends[0], full: ends[1],
                parameters: ["samples": JSON(rows.masks.count), "enumerated": JSON(rows.enumerated)], remarks: remarks)
        }
    }

    /// Minimises Σ w(v − zᵀφ)² under Σφ = total: φ = A⁻¹(b − λ1), A = ZᵀWZ, b = ZᵀWv, λ = (1ᵀA⁻¹b − total)/(1ᵀA⁻¹1)
    /// (Covert and Lee 2021, equation 7).
    private func regression(
        _ rows: CoalitionSample, worths: [Double], total: Double
    ) throws -> (values: [Double], errors: [Double]) {
        let n = rows.masks[0].count
        var matrix = [Double](repeating: 0, count: n * n)
        var right = [Double](repeating: 0, count: n)
        for (row, mask) in rows.masks.enumerated() {
            let weight = rows.weights[row]
            var members: [Int] = []
            members.reserveCapacity(n)
            mask.forEach { members.append($0) }
            for (position, i) in members.enumerated() {
                right[i] += weight * worths[row]
                for j in members[...position] { matrix[i * n + j] += weight }
            }
        }
        guard let factor = Cholesky(matrix, size: n), (0..<n).allSatisfy({ matrix[$0 * n + $0] > 0 }) else {
            throw MLError(
                .usage, "\(rows.masks.count) samples do not determine the values of \(n) words",
                hint: "raise the samples of 'kernel', at best to more than \(2 * n)")
        }
        let free = factor.solve(right)
        let ones = factor.solve([Double](repeating: 1, count: n))
        let onesSum = ones.reduce(0, +)
        let excess = (free.reduce(0, +) - total) / onesSum
        let values = zip(free, ones).map { $0 - excess * $1 }
        // Influence of a score s on the constrained minimum: A⁻¹s − A⁻¹1·(1ᵀA⁻¹s)/(1ᵀA⁻¹1).
        var moments = RunningMoments(size: n)
        for cluster in rows.clusters {
            var score = [Double](repeating: 0, count: n)
            for row in cluster.rows {
                var predicted = 0.0
                rows.masks[row].forEach { predicted += values[$0] }
                let residual = rows.weights[row] * (worths[row] - predicted) / Double(cluster.draws)
                rows.masks[row].forEach { score[$0] += residual }
            }
            var influence = factor.solve(score)
            let shift = influence.reduce(0, +) / onesSum
            for index in influence.indices { influence[index] -= shift * ones[index] }
            for _ in 0..<cluster.draws { moments.add(influence) }
        }
        // The influences add up over the draws: the error of a sum is that of the mean times their number.
        let errors = moments.standardErrors?.map { $0 * Double(moments.count) }
        return (values, errors ?? [Double](repeating: 0, count: n))
    }
}

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
