import Base

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
    /// Beyond this the errors take too long and the samples say too little.
    public static let mostPlayers = 1024

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
        let columns = BitColumns(rows.masks, weights: rows.weights)
        let matrix = columns.overlaps()
        let right = columns.sums(zip(rows.weights, worths).map { $0 * $1 })
        // A pivot that is only rounding means that some words were never told apart.
        guard let factor = Cholesky(matrix, size: n), factor.smallestPivot > 1e-10 * (matrix.max() ?? 0) else {
            throw MLError(
                .usage, "\(rows.masks.count) samples do not determine the values of \(n) words",
                hint: "raise the samples of 'kernel', at best to more than \(2 * n)")
        }
        let free = factor.solve(right)
        let ones = factor.solve([Double](repeating: 1, count: n))
        let onesSum = ones.reduce(0, +)
        let excess = (free.reduce(0, +) - total) / onesSum
        let values = zip(free, ones).map { $0 - excess * $1 }
        // Influence of a score s on the constrained minimum: Ps with P = A⁻¹ − A⁻¹1·1ᵀA⁻¹/(1ᵀA⁻¹1).
        var projection = [Double](repeating: 0, count: n * n)
        for i in 0..<n { projection[i * n + i] = 1 }
        projection.withUnsafeMutableBufferPointer { factor.solve($0, columns: n) }
        for i in 0..<n {
            let share = ones[i] / onesSum
            for j in 0..<n { projection[i * n + j] -= share * ones[j] }
        }
        var moments = RunningMoments(size: n)
        var influence = [Double](repeating: 0, count: n)
        for cluster in rows.clusters {
            // P1 = 0, so that a coalition's complement, the second row, counts as the coalition with the other sign.
            var score = 0.0
            for (sign, row) in zip([1.0, -1.0], cluster.rows) {
                var predicted = 0.0
                rows.masks[row].forEach { predicted += values[$0] }
                score += sign * rows.weights[row] * (worths[row] - predicted) / Double(cluster.draws)
            }
            influence.withUnsafeMutableBufferPointer { influence in
                influence.update(repeating: 0)
                projection.withUnsafeBufferPointer { projection in
                    rows.masks[cluster.rows[0]].forEach { player in
                        let start = player * n
                        for index in 0..<n { influence[index] += projection[start + index] }
                    }
                }
                for index in 0..<n { influence[index] *= score }
            }
            for _ in 0..<cluster.draws { moments.add(influence) }
        }
        // The influences add up over the draws: the error of a sum is that of the mean times their number.
        let errors = moments.standardErrors?.map { $0 * Double(moments.count) }
        return (values, errors ?? [Double](repeating: 0, count: n))
    }
}
