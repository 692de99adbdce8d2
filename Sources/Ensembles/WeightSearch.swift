import Base
import Glibc

/// Ways to find the weights of an ensemble's members: the lowest log loss on held-out data.
public enum WeightSearch: String, Sendable, CaseIterable {
    /// All of a grid.
    case grid
    /// A genetic algorithm (Holland 1975; tournament selection, blend crossover, elitism).
    case ga
    /// A particle swarm (Kennedy & Eberhart 1995, with inertia as in Shi & Eberhart 1998).
    case pso
    /// The downhill simplex (Nelder & Mead 1965).
    case nelderMead = "nelder-mead"
    /// The convex problem solved to its optimum.
    case exact

    /// - Parameters:
    ///   - members: their probabilities on the dev data, `[member][text][class]`.
    ///   - seed: of the searches that draw.
    /// - Returns: weights that are not negative and sum to 1, and what should be remembered of the search.
    /// - Throws: `MLError(.invalidInput)` without members or texts.
    public func weights(
        _ members: [[[Double]]], truth: [Int], classes: Int, seed: UInt64 = 1
    ) throws -> (weights: [Double], note: JSON) {
        guard !members.isEmpty else { throw MLError(.invalidInput, "an ensemble needs members") }
        guard !truth.isEmpty else { throw MLError(.invalidInput, "no texts to choose weights on") }
        let loss = MixtureLoss(members, truth: truth)
        var note: JSONObject = [
            "kind": .string(rawValue), "measure": "dev log loss", "texts": JSON(truth.count),
        ]
        let weights: [Double]
        switch self {
        case .grid:
            let found = try GridSearch.weights(members, truth: truth, classes: classes)
            note["steps"] = JSON(found.steps)
            weights = found.weights
        case .ga: weights = try GeneticSearch(seed: seed).minimise(members.count, loss)
        case .pso: weights = try SwarmSearch(seed: seed).minimise(members.count, loss)
        case .nelderMead: weights = NelderMead.minimise(members.count, loss)
        case .exact:
            let found = ConvexSearch.minimise(loss)
            note["gap"] = JSON(found.gap)
            weights = found.weights
        }
        if self == .ga || self == .pso { note["seed"] = JSON(Int(clamping: seed)) }
        note["log_loss"] = JSON(loss(weights))
        return (weights, .object(note))
    }
}
