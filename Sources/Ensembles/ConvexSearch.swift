import Glibc

/// The weights with the lowest log loss of all, found by expectation maximisation for mixture proportions (Dempster, Laird
/// & Rubin 1977): the loss never rises, the problem is convex, and the optimum is known when it is reached.
enum ConvexSearch {
    /// - Returns: the weights, and how far above the optimum their loss is at most.
    static func minimise(
        _ loss: MixtureLoss, tolerance: Double = 1e-9, maximumIterations: Int = 50_000
    ) -> (weights: [Double], gap: Double) {
        let members = loss.likelihoods.count
        let texts = Double(max(1, loss.texts))
        var weights = [Double](repeating: 1 / Double(members), count: members)
        var gap = Double.infinity
        for _ in 0..<maximumIterations {
            // Mean responsibility of each member, relative to its weight: 1 for all used ones at the optimum.
            var ratios = [Double](repeating: 0, count: members)
            for text in 0..<loss.texts {
                var sum = 0.0
                for member in 0..<members { sum += weights[member] * loss.likelihoods[member][text] }
                let inverse = 1 / max(1e-15, sum)
                for member in 0..<members { ratios[member] += loss.likelihoods[member][text] * inverse }
            }
            for member in 0..<members { ratios[member] /= texts }
            // By convexity no weights are better than these by more than the logarithm of the largest ratio.
            gap = log(max(1, ratios.max() ?? 1))
            if gap < tolerance { break }
            weights = MixtureLoss.simplex(zip(weights, ratios).map { $0 * $1 })
        }
        return (weights, gap)
    }
}
