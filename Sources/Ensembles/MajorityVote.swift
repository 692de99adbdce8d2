import TextModels

/// Each member votes for its most probable class; shares of the votes are the probabilities.
enum MajorityVote {
    /// Classes with as many votes are ordered by the members' mean probability, which adds at most a thousandth.
    ///
    /// - Parameter weights: votes of each member; they sum to 1.
    static func combine(_ members: [[[Double]]], weights: [Double]) -> [[Double]] {
        let mean = EnsemblePredictor.combine(members, weights: weights)
        return mean.indices.map { row in
            var shares = mean[row].map { $0 / 1000 }
            for (member, weight) in zip(members, weights) {
                shares[Evaluation.argmax(member[row])] += weight * 0.999
            }
            return shares
        }
    }
}
