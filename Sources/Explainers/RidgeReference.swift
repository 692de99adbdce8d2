/// Weighted ridge regression written down from its definition, for tests of the fast path.
package enum RidgeReference {
    /// Coefficients and intercept of ridge regression with weights on dense rows.
    package static func fit(
        rows: [[Double]], weights: [Double], responses: [Double], alpha: Double
    ) -> (coefficients: [Double], intercept: Double) {
        let features = rows[0].count
        let total = weights.reduce(0, +)
        let mean = zip(weights, responses).map { $0 * $1 }.reduce(0, +) / total
        let means = (0..<features).map { j in zip(weights, rows).map { $0 * $1[j] }.reduce(0, +) / total }
        var system = Array(repeating: [Double](repeating: 0, count: features + 1), count: features)
        for i in 0..<features {
            for j in 0..<features {
                for (row, weight) in zip(rows, weights) {
                    system[i][j] += weight * (row[i] - means[i]) * (row[j] - means[j])
                }
            }
            system[i][i] += alpha
            for (row, (weight, response)) in zip(rows, zip(weights, responses)) {
                system[i][features] += weight * (row[i] - means[i]) * (response - mean)
            }
        }
        let coefficients = solve(system)
        return (coefficients, mean - zip(coefficients, means).map { $0 * $1 }.reduce(0, +))
    }

    /// Weighted R² of a linear model: 1 − Σw(y − ŷ)²/Σw(y − ȳ)².
    package static func fitQuality(
        rows: [[Double]], weights: [Double], responses: [Double], coefficients: [Double], intercept: Double
    ) -> Double {
        let mean = zip(weights, responses).map { $0 * $1 }.reduce(0, +) / weights.reduce(0, +)
        var residual = 0.0
        var total = 0.0
        for (row, (weight, response)) in zip(rows, zip(weights, responses)) {
            let predicted = intercept + zip(row, coefficients).map { $0 * $1 }.reduce(0, +)
            residual += weight * (response - predicted) * (response - predicted)
            total += weight * (response - mean) * (response - mean)
        }
        return 1 - residual / total
    }

    /// Greedy forward selection that fits every candidate anew.
    package static func forwardSelection(
        rows: [[Double]], weights: [Double], responses: [Double], limit: Int
    ) -> [Int] {
        var chosen: [Int] = []
        while chosen.count < min(limit, rows[0].count) {
            var best = (feature: -1, quality: -Double.infinity)
            for candidate in rows[0].indices where !chosen.contains(candidate) {
                let part = rows.map { row in (chosen + [candidate]).map { row[$0] } }
                let model = fit(rows: part, weights: weights, responses: responses, alpha: 0)
                let quality = fitQuality(
                    rows: part, weights: weights, responses: responses, coefficients: model.coefficients,
                    intercept: model.intercept)
                if quality > best.quality { best = (candidate, quality) }
            }
            chosen.append(best.feature)
        }
        return chosen
    }

    /// Gaussian elimination with partial pivoting of [A | b].
    private static func solve(_ augmented: [[Double]]) -> [Double] {
        var a = augmented
        let size = a.count
        for column in 0..<size {
            let pivot = (column..<size).max { abs(a[$0][column]) < abs(a[$1][column]) } ?? column
            a.swapAt(column, pivot)
            for row in column + 1..<max(size, column + 1) {
                let factor = a[row][column] / a[column][column]
                for k in column...size { a[row][k] -= factor * a[column][k] }
            }
        }
        var x = [Double](repeating: 0, count: size)
        for i in stride(from: size - 1, through: 0, by: -1) {
            let known = (i + 1..<max(size, i + 1)).reduce(0) { $0 + a[i][$1] * x[$1] }
            x[i] = (a[i][size] - known) / a[i][i]
        }
        return x
    }
}
