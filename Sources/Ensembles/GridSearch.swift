import Base
import TextModels

/// Weights by trying all of a grid on held-out data: every split of 1 into `steps` equal shares over the members.
public enum GridSearch {
    /// Most points that are tried; with more members the grid becomes coarser.
    public static let maximumPoints = 20_000

    /// - Parameters:
    ///   - members: their probabilities on the dev data, `[member][text][class]`.
    ///   - steps: shares of the whole, 20 for weights in steps of 0.05; fewer when the grid would be too large.
    /// - Returns: the weights with the lowest log loss; of equals the most even ones.
    public static func weights(_ members: [[[Double]]], truth: [Int], classes: Int, steps: Int = 20) throws -> (
        weights: [Double], steps: Int
    ) {
        guard !members.isEmpty else { throw MLError(.invalidInput, "an ensemble needs members") }
        var steps = max(1, steps)
        while steps > 1 && count(members.count, steps) > maximumPoints { steps -= 1 }
        // Equal shares of three members lie on no grid of twentieths, and the plain average must not be lost.
        let even = [Double](repeating: 1 / Double(members.count), count: members.count)
        let points = grid(members.count, steps).map { $0.map { Double($0) / Double(steps) } } + [even]
        let losses = try parallelMap(count: points.count) { index in
            Evaluation(EnsemblePredictor.combine(members, weights: points[index]), truth, classes: classes).logLoss
        }
        var best = 0
        for index in points.indices.dropFirst() {
            let isBetter = losses[index] < losses[best] - 1e-12
            let isEqual = abs(losses[index] - losses[best]) <= 1e-12
            if isBetter || (isEqual && unevenness(points[index]) < unevenness(points[best]) - 1e-12) { best = index }
        }
        return (points[best], steps)
    }

    private static func unevenness(_ weights: [Double]) -> Double { weights.reduce(0) { $0 + $1 * $1 } }

    private static func grid(_ members: Int, _ total: Int) -> [[Int]] {
        if members == 1 { return [[total]] }
        return (0...total).flatMap { first in grid(members - 1, total - first).map { [first] + $0 } }
    }

    /// Points of the grid: `steps + members − 1` over `members − 1`.
    private static func count(_ members: Int, _ steps: Int) -> Int {
        (1..<max(2, members)).reduce(1) { min(maximumPoints * 1000, $0 * (steps + $1) / $1) }
    }
}
