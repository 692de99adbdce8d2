import Base
import TextModels

/// Members picked one by one, each time the one that lowers the dev log loss most; a member may be picked again, and so has
/// more weight (Caruana et al. 2004, "Ensemble selection from libraries of models", section 2).
public enum GreedySelection {
    /// - Parameter most: picks.
    /// - Returns: the weight of each member, 0 for those left out, after the number of picks with the lowest loss.
    public static func weights(_ members: [[[Double]]], truth: [Int], most: Int = 50) throws -> [Double] {
        guard !members.isEmpty else { throw MLError(.invalidInput, "an ensemble needs members") }
        let loss = MixtureLoss(members, truth: truth)
        var picks = [Double](repeating: 0, count: members.count)
        var best: (loss: Double, picks: [Double])?
        for _ in 0..<most {
            let losses = try parallelMap(count: members.count) { [picks] member in
                var tried = picks
                tried[member] += 1
                return loss.projected(tried)
            }
            guard let member = losses.indices.min(by: { losses[$0] < losses[$1] }) else { break }
            picks[member] += 1
            if best.map({ losses[member] < $0.loss - 1e-12 }) ?? true { best = (losses[member], picks) }
        }
        return MixtureLoss.simplex(best?.picks ?? picks)
    }
}
