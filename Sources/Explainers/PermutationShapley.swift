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
