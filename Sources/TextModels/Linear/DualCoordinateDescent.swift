import Base
import Glibc

/// Logistic regression of two classes with an L2 penalty over the presence of features, in the dual, one text after the
/// other (Yu, Huang & Lin 2011, "Dual coordinate descent methods for logistic regression and maximum entropy models",
/// algorithm 5; here Newton's method runs on the text's margin instead of its dual variable).
///
/// Minimises Σ cᵢ ln(1 + e^(−mᵢ)) + ½ Σ (uⱼ / rⱼ)² + ½ b², with the margin mᵢ = ±(offset + b + Σ uⱼ over the features j of
/// text i), and rⱼ the factor by which feature j is scaled.
package struct DualCoordinateDescent {
    /// Passes over all texts at the most.
    package var maximumPasses = 60
    /// Stop when a pass has moved the margins by less than this in the mean.
    package var tolerance = 0.01

    /// A feature's weight, and the square of its scale: side by side, since both are used at once.
    private var weights: [SIMD2<Float>]
    private var bias: Float = 0
    private let offset: Float
    private let rows: FeatureRows
    /// 1 for the second class, −1 for the first.
    private let signs: [Float]
    private let costs: [Float]
    /// The dual variables: each text's share of cᵢ by which it is answered wrongly.
    private var duals: [Float]
    private var curvatures: [Float]
    private var random: SeededRandom

    /// - Parameters:
    ///   - scales: the factor of each feature.
    ///   - costs: the weight of each text's loss.
    package init(_ rows: FeatureRows, _ isSecond: [Bool], scales: [Float], costs: [Float], seed: UInt64) {
        self.rows = rows
        self.costs = costs
        signs = isSecond.map { $0 ? 1 : -1 }
        weights = scales.map { SIMD2(0, $0 * $0) }
        // The log odds before anything is read: an unequal share of the classes costs no penalty.
        var sums = (0.5, 0.5)
        for (isSecond, cost) in zip(isSecond, costs) {
            if isSecond { sums.1 += Double(cost) } else { sums.0 += Double(cost) }
        }
        offset = Float(log(sums.1 / sums.0))
        duals = [Float](repeating: 0, count: rows.count)
        curvatures = (0..<rows.count).map { row in
            rows.features[rows.range(row)].reduce(1) { $0 + scales[Int($1)] * scales[Int($1)] }
        }
        random = SeededRandom(seed: seed, purpose: "coordinates", position: 0)
    }

    /// The weights of features as they are, without scales, and the bias.
    package var solution: (weights: [Float], bias: Float) { (weights.map(\.x), offset + bias) }

    /// Solves for one strength of the loss, from the solution of another one if there is one.
    package mutating func solve(strength: Double, after last: Double?) {
        if let last {
            // Dual variables are shares of the strength.
            let factor = Float(strength / last)
            for index in weights.indices { weights[index].x *= factor }
            for index in duals.indices { duals[index] *= factor }
            bias *= factor
        }
        var order = Array(0..<rows.count)
        for pass in 0..<maximumPasses {
            for last in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(last, random.below(last + 1)) }
            var moved = 0.0
            for row in order { moved += Double(step(row, Float(strength) * costs[row])) }
            if pass > 0, moved <= tolerance * Double(rows.count) { break }
        }
    }

    /// Solves for one text with all others fixed, and returns how far its margin was from that.
    @inline(__always)
    private mutating func step(_ row: Int, _ cost: Float) -> Float {
        if cost <= 0 { return 0 }
        let range = rows.range(row)
        let bias = bias
        let offset = offset
        let sum = rows.features.withUnsafeBufferPointer { features in
            weights.withUnsafeBufferPointer { weights in
                var sum = (bias + offset, Float(0))
                var place = range.lowerBound
                while place + 1 < range.upperBound {
                    sum.0 += weights[Int(features[place])].x
                    sum.1 += weights[Int(features[place + 1])].x
                    place += 2
                }
                if place < range.upperBound { sum.0 += weights[Int(features[place])].x }
                return sum.0 + sum.1
            }
        }
        let margin = Double(signs[row] * sum)
        let (curvature, old, cost) = (Double(curvatures[row]), Double(duals[row]), Double(cost))
        // The margin where the dual variable is what the logistic function says: m = margin + curvature (c σ(−m) − old).
        // The difference rises with m, so the root is bracketed and Newton's step is only taken within.
        var (low, high) = (margin - curvature * old, margin + curvature * (cost - old))
        var m = min(max(margin, low), high)
        var share = 0.0
        for _ in 0..<20 {
            share = 1 / (1 + exp(m))
            let gap = m - margin - curvature * (cost * share - old)
            if abs(gap) < 1e-5 * (1 + abs(m)) { break }
            if gap > 0 { high = m } else { low = m }
            let next = m - gap / (1 + curvature * cost * share * (1 - share))
            m = next > low && next < high ? next : (low + high) / 2
        }
        let new = Float(cost * share)
        let change = (new - duals[row]) * signs[row]
        duals[row] = new
        self.bias += change
        rows.features.withUnsafeBufferPointer { features in
            weights.withUnsafeMutableBufferPointer { weights in
                for place in range {
                    let feature = Int(features[place])
                    weights[feature].x += change * weights[feature].y
                }
            }
        }
        return Float(abs(m - margin))
    }
}
