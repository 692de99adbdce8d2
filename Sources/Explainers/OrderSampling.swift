import Base

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
    func forwardMasks(_ order: [Int]) -> [BitSet] {
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
    func walk(
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
