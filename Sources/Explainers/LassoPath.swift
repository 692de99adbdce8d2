/// Feature selection along the lasso path, as lime's `lasso_path` does it.
///
/// The path is found by least angle regression with the lasso modification (Efron, Hastie, Johnstone and Tibshirani,
/// "Least angle regression", Annals of Statistics 2004, §3.1) on the centred Gram matrix: all correlations of the active
/// features fall together until an inactive one reaches them and joins, or an active coefficient reaches 0 and leaves.
/// Where it ends is as in scikit-learn's `lars_path`: after 500 breaks, or when the penalty is nearly 0.
package struct LassoPath: Sendable {
    /// The features with non-zero coefficients after each break of the path, ascending.
    package private(set) var supports: [[Int]] = []

    /// Most breaks, and the smallest penalty (a correlation divided by the number of rows) that is followed.
    private static let mostBreaks = 500
    private static let smallestPenalty = 1.1920929e-07

    /// - Parameter rows: how many rows the moments were summed over.
    package init(_ moments: RegressionMoments, rows: Int) {
        var state = State(moments)
        while supports.count < LassoPath.mostBreaks, state.correlation / Double(rows) > LassoPath.smallestPenalty,
            state.step()
        {
            supports.append(state.support)
        }
    }

    /// The support of the last break with at most `limit` features; the first break's when all have more.
    /// Nil when the path has no break: nothing correlates with the response.
    package func selection(limit: Int) -> [Int]? { supports.last { $0.count <= limit } ?? supports.first }

    /// One point of the path.
    private struct State {
        let moments: RegressionMoments
        var coefficients: [Double]
        /// What is left of each feature's covariance with the response.
        var residual: [Double]
        var active: [Int] = []
        var signs: [Double] = []
        var isActive: [Bool]
        /// Features that the active ones determine: they never join.
        var isExcluded: [Bool]
        var dropped: Int?
        /// Rows of the Cholesky factor of the active features' Gram matrix.
        var factor: [[Double]] = []

        init(_ moments: RegressionMoments) {
            self.moments = moments
            coefficients = Array(repeating: 0, count: moments.features)
            residual = moments.cross
            isActive = Array(repeating: false, count: moments.features)
            isExcluded = isActive
        }

        var support: [Int] { active.filter { coefficients[$0] != 0 }.sorted() }

        /// The largest absolute correlation of a feature that may join; 0 when none is left.
        var correlation: Double { candidate.map { abs(residual[$0]) } ?? 0 }

        private var candidate: Int? {
            var best: Int?
            for j in residual.indices where !isActive[j] && !isExcluded[j] {
                if abs(residual[j]) > (best.map { abs(residual[$0]) } ?? -1) { best = j }
            }
            return best
        }

        /// Lets the next feature join, unless one has just left, and goes on to the next break; false at the end.
        mutating func step() -> Bool {
            guard var next = candidate else { return false }
            let level = abs(residual[next])
            if dropped == nil {
                while !join(next) {
                    isExcluded[next] = true
                    guard let other = candidate else { return false }
                    next = other
                }
            }
            dropped = nil
            let direction = solve(signs)
            var length = level
            var slopes = [Double](repeating: 0, count: residual.count)
            for (index, i) in active.enumerated() {
                let row = moments.covariances(of: i)
                for j in residual.indices { slopes[j] += row[j] * direction[index] }
            }
            for j in residual.indices {
                guard !isActive[j], !isExcluded[j] else { continue }
                for distance in [(level - residual[j]) / (1 - slopes[j]), (level + residual[j]) / (1 + slopes[j])]
                where distance > 0 && distance < length { length = distance }
            }
            var leaving: Int?
            for (index, j) in active.enumerated() {
                let distance = -coefficients[j] / direction[index]
                if distance > 0, distance < length { (length, leaving) = (distance, index) }
            }
            for (index, j) in active.enumerated() { coefficients[j] += length * direction[index] }
            for j in residual.indices { residual[j] -= length * slopes[j] }
            if let leaving { leave(leaving) }
            return true
        }

        /// Appends a row to the factor; false when the feature is a combination of the active ones.
        private mutating func join(_ j: Int) -> Bool {
            let covariances = moments.covariances(of: j)
            var row: [Double] = []
            for (index, i) in active.enumerated() {
                var entry = covariances[i]
                for k in 0..<index { entry -= row[k] * factor[index][k] }
                row.append(entry / factor[index][index])
            }
            let rest = covariances[j] - row.reduce(0) { $0 + $1 * $1 }
            guard rest > 1e-14 else { return false }
            factor.append(row + [rest.squareRoot()])
            active.append(j)
            signs.append(residual[j] < 0 ? -1 : 1)
            isActive[j] = true
            return true
        }

        private mutating func leave(_ index: Int) {
            let j = active[index]
            coefficients[j] = 0
            isActive[j] = false
            dropped = j
            let rest = active[(index + 1)...]
            let restSigns = signs[(index + 1)...]
            active.removeSubrange(index...)
            signs.removeSubrange(index...)
            factor.removeSubrange(index...)
            for (i, sign) in zip(rest, restSigns) {
                isActive[i] = join(i)
                // The sign is that of the coefficient, which rounding of the correlation must not turn.
                if isActive[i] { signs[signs.count - 1] = sign }
            }
        }

        private func solve(_ right: [Double]) -> [Double] {
            var x = right
            for i in x.indices {
                for k in 0..<i { x[i] -= factor[i][k] * x[k] }
                x[i] /= factor[i][i]
            }
            for i in x.indices.reversed() {
                for k in (i + 1)..<max(x.count, i + 1) { x[i] -= factor[k][i] * x[k] }
                x[i] /= factor[i][i]
            }
            return x
        }
    }
}
