import Base

/// Shapley values from random orders, each walked forward and backward (antithetic sampling; shap 0.51's
/// `PermutationExplainer`, Mitchell et al., "Sampling permutations for Shapley value estimation", JMLR 2022, §4.2).
///
/// In an order, each player's share is the mean of what it adds when the players join one by one and when they leave in
/// the same order; one order is exact for worths with interactions of at most two players. The standard error is that of
/// the mean over orders. Orders are uniform: unlike the package over a text masker, they do not keep to the tree.
public struct PermutationShapley: GameExplainer {
    /// Evaluations; an order takes 2n + 1 of them, and at least two orders are walked so that there is an error.
    public var samples: Int
    public var seed: UInt64
    public var source: DrawSource
    /// Doubles the orders until the top words are in a stable order (`RankStability`), up to `mostSamples`.
    public var tolerance: Double?
    public var masking: Masking

    public init(
        samples: Int = 500, seed: UInt64 = 0, source: DrawSource = .keyed, tolerance: Double? = nil,
        masking: Masking = .init()
    ) {
        self.samples = samples
        self.seed = seed
        self.source = source
        self.tolerance = tolerance
        self.masking = masking
    }

    public var method: String { "permutation" }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSamples = 200_000

    public var settings: JSONObject {
        var out: JSONObject = [
            "samples": JSON(samples), "seed": json(seed: seed), "rng": .string(source.rawValue),
        ]
        if let tolerance { out["tolerance"] = .number(tolerance) }
        return out
    }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        try walk(
            game, output: output, key: key, evaluationsPerOrder: 2 * game.players + 1,
            mostSamples: PermutationShapley.mostSamples
        ) { order in
            var masks = forwardMasks(order)
            for player in order.dropLast() {
                var mask = masks[masks.count - 1]
                mask[player] = false
                masks.append(mask)
            }
            return masks
        } shares: { order, values in
            var shares = [Double](repeating: 0, count: order.count)
            let n = order.count
            for (step, player) in order.enumerated() {
                let joining = values[step + 1] - values[step]
                // After the last player has left, nobody is there.
                let leaving = values[n + step] - (step == n - 1 ? values[0] : values[n + step + 1])
                shares[player] = (joining + leaving) / 2
            }
            return shares
        }
    }
}

/// Shapley values from random orders walked forward (Castro, Gómez and Tejada, "Polynomial calculation of the Shapley
/// value based on sampling", 2009, algorithm ApproShapley; Štrumbelj and Kononenko 2010): captum's
/// `ShapleyValueSampling`. The standard error is that of the mean over orders.
public struct SampledShapley: GameExplainer {
    /// Evaluations; an order takes n + 1 of them, and at least two orders are walked so that there is an error.
    public var samples: Int
    public var seed: UInt64
    public var source: DrawSource
    /// Doubles the orders until the top words are in a stable order (`RankStability`), up to `mostSamples`.
    public var tolerance: Double?
    public var masking: Masking

    public init(
        samples: Int = 2000, seed: UInt64 = 0, source: DrawSource = .keyed, tolerance: Double? = nil,
        masking: Masking = .init()
    ) {
        self.samples = samples
        self.seed = seed
        self.source = source
        self.tolerance = tolerance
        self.masking = masking
    }

    public var method: String { "sampling" }

    public var settings: JSONObject {
        var out: JSONObject = [
            "samples": JSON(samples), "seed": json(seed: seed), "rng": .string(source.rawValue),
        ]
        if let tolerance { out["tolerance"] = .number(tolerance) }
        return out
    }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        try walk(
            game, output: output, key: key, evaluationsPerOrder: game.players + 1,
            mostSamples: PermutationShapley.mostSamples, masks: forwardMasks
        ) { order, values in
            var shares = [Double](repeating: 0, count: order.count)
            for (step, player) in order.enumerated() { shares[player] = values[step + 1] - values[step] }
            return shares
        }
    }
}

/// Methods that average over random orders of the players.
protocol OrderSampling: GameExplainer {
    var samples: Int { get }
    var seed: UInt64 { get }
    var source: DrawSource { get }
    var tolerance: Double? { get }
}

extension PermutationShapley: OrderSampling {}
extension SampledShapley: OrderSampling {}

extension OrderSampling {
    /// Nobody, then the players joining one by one.
    fileprivate func forwardMasks(_ order: [Int]) -> [BitSet] {
        var masks = [BitSet(count: order.count)]
        for player in order {
            var mask = masks[masks.count - 1]
            mask[player] = true
            masks.append(mask)
        }
        return masks
    }

    /// Averages the shares of random orders.
    ///
    /// - Parameters:
    ///   - masks: the coalitions an order asks about, nobody first and everybody at position n.
    ///   - shares: the players' shares from the worths of these.
    fileprivate func walk(
        _ game: Game, output: Int, key: String, evaluationsPerOrder: Int, mostSamples: Int,
        masks: ([Int]) -> [BitSet], shares: ([Int], [Double]) -> [Double]
    ) throws -> GameValues {
        guard samples >= 1 else { throw MLError(.usage, "'\(method)' needs at least 1 sample, not \(samples)") }
        try source.check(seed: seed)
        try RankStability.check(tolerance, method: method)
        var orders = SampledOrders(
            players: game.players, source: source, seed: seed, purpose: "\(method) \(key)")
        var moments = RunningMoments(size: game.players)
        var goal = max(2, samples / evaluationsPerOrder)
        let most = max(goal, mostSamples / evaluationsPerOrder)
        // Several orders at once, so that short texts fill a batch.
        let together = max(1, masking.batchSize / evaluationsPerOrder)
        var ends = (base: 0.0, full: 0.0)
        var stable = true
        while true {
            while moments.count < goal {
                let batch = (0..<min(together, goal - moments.count)).map { _ in orders.next() }
                let asked = batch.map(masks)
                let values = try game.values(asked.flatMap { $0 }, output: output)
                ends = (values[0], values[game.players])
                var start = 0
                for (order, coalitions) in zip(batch, asked) {
                    moments.add(shares(order, Array(values[start..<start + coalitions.count])))
                    start += coalitions.count
                }
            }
            guard let tolerance, let errors = moments.standardErrors else { break }
            stable = RankStability.isStable(values: moments.mean, standardErrors: errors, tolerance: tolerance)
            if stable || goal >= most { break }
            goal = min(most, goal * 2)
        }
        var remarks = ["\(moments.count) orders, seed \(seed)"]
        if !stable { remarks.append("the order of the top words is not settled after \(moments.count) orders") }
        return GameValues(
            values: moments.mean, standardErrors: moments.standardErrors, base: ends.base, full: ends.full,
            parameters: ["orders": JSON(moments.count)], remarks: remarks)
    }
}
