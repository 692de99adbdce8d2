import Base

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
