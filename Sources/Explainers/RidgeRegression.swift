import Base

/// Weighted sums of a regression's data, centred: all that ridge regression and feature selection need of the rows.
///
/// With x̄ = Σwx/Σw and ȳ likewise: `gram` = XcᵀWXc, `cross` = XcᵀWyc. Ridge with intercept is then
/// β = (XcᵀWXc + αI)⁻¹ XcᵀWyc, b = ȳ − βᵀx̄ (as scikit-learn's `Ridge(fit_intercept=True)`).
package struct RegressionMoments: Sendable {
    package let features: Int
    package private(set) var means: [Double]
    package private(set) var responseMean: Double
    /// features × features, row by row, symmetric; empty for many features.
    private var gram: [Double] = []
    /// Stands for `gram` when there are many features.
    private var wide: WideMasks?
    /// The diagonal of `gram`.
    private var variances: [Double] = []
    package private(set) var cross: [Double]
    /// Σw(y − ȳ)²
    package private(set) var responseSquares: Double

    /// With more features the matrix costs more than it saves.
    package static let mostDense = 512

    /// From binary rows whose weight depends only on how many of their bits are set.
    ///
    /// Each entry of the Gram matrix is Σ over the weights of (weight × rows with both bits): `BitColumns`.
    ///
    /// - Parameter mostDense: more features do without the matrix (`WideMasks`).
    package init(
        masks: [BitSet], weight: (Int) -> Double, responses: [Double], mostDense: Int = RegressionMoments.mostDense
    ) {
        features = masks.first?.count ?? 0
        let weights = masks.map { weight($0.population) }
        let total = weights.reduce(0, +)
        // Relative to the first response, so that a constant answer gives exact zeros and no rounding noise.
        let origin = responses.first ?? 0
        let mean = zip(weights, responses).reduce(0) { $0 + $1.0 * ($1.1 - origin) } / total
        var squares = 0.0
        let scores = zip(weights, responses).map { weight, response in
            let centred = response - origin - mean
            squares += weight * centred * centred
            return weight * centred
        }
        responseMean = origin + mean
        responseSquares = squares
        guard features <= mostDense else {
            var cross = [Double](repeating: 0, count: features)
            var sums = cross
            for (row, mask) in masks.enumerated() {
                mask.forEach {
                    cross[$0] += scores[row]
                    sums[$0] += weights[row]
                }
            }
            self.cross = cross
            means = sums.map { $0 / total }
            variances = zip(sums, means).map { $0 - $0 * $1 }
            wide = WideMasks(masks, weights: weights, means: means)
            return
        }
        let columns = BitColumns(masks, weights: weights)
        cross = columns.sums(scores)
        var counts = columns.overlaps()
        let size = features
        let means = stride(from: 0, to: size * size, by: size + 1).map { counts[$0] / total }
        for i in 0..<size {
            for j in 0..<size { counts[i * size + j] -= total * means[i] * means[j] }
        }
        self.means = means
        variances = stride(from: 0, to: size * size, by: size + 1).map { counts[$0] }
        gram = counts
    }

    /// Coefficients of ridge regression on the chosen features, in their order, and the intercept.
    /// Nil when the matrix is not positive definite (possible only for α = 0).
    package func ridge(alpha: Double, on chosen: [Int]) -> (coefficients: [Double], intercept: Double)? {
        let coefficients: [Double]
        if let wide, chosen.count == features {
            coefficients = wide.solve(cross, alpha: alpha)
        } else {
            guard let factor = Cholesky(matrix(alpha: alpha, on: chosen), size: chosen.count) else { return nil }
            coefficients = factor.solve(chosen.map { cross[$0] })
        }
        let shift = zip(chosen, coefficients).reduce(0) { $0 + means[$1.0] * $1.1 }
        return (coefficients, responseMean - shift)
    }

    /// Weighted covariance sums of a feature with all: a row of XcᵀWXc.
    package func covariances(of feature: Int) -> [Double] {
        wide?.covariances(of: feature) ?? Array(gram[feature * features..<(feature + 1) * features])
    }

    /// XcᵀWXc + αI on the chosen features.
    package func matrix(alpha: Double, on chosen: [Int]) -> [Double] {
        var out: [Double] = []
        out.reserveCapacity(chosen.count * chosen.count)
        for i in chosen {
            let row = covariances(of: i)
            for j in chosen { out.append(row[j] + (i == j ? alpha : 0)) }
        }
        return out
    }

    /// Greedy forward selection: adds, up to `limit` times, the feature with the best R² of least squares; the lowest
    /// index wins ties.
    ///
    /// One step of an incremental Cholesky factorisation a feature: with the chosen features projected out, feature j
    /// explains cⱼ²/vⱼ more of the response (cⱼ, vⱼ: what is left of its covariance and variance).
    package func forwardSelection(limit: Int) -> [Int] {
        var left = cross
        var variance = variances
        var rows: [[Double]] = []
        var chosen: [Int] = []
        var isChosen = [Bool](repeating: false, count: features)
        while chosen.count < min(limit, features) {
            var best = -1
            var bestGain = -Double.infinity
            for j in 0..<features where !isChosen[j] {
                // A feature that the chosen ones determine explains nothing more.
                let gain = variance[j] > 1e-12 * variances[j] ? left[j] * left[j] / variance[j] : 0
                if gain > bestGain { (best, bestGain) = (j, gain) }
            }
            chosen.append(best)
            isChosen[best] = true
            let pivot = variance[best].squareRoot()
            guard variance[best] > 1e-12 * variances[best], pivot > 0 else { continue }
            let step = left[best] / pivot
            let covariances = covariances(of: best)
            var row = [Double](repeating: 0, count: features)
            for j in 0..<features where !isChosen[j] {
                var entry = covariances[j]
                for earlier in rows { entry -= earlier[best] * earlier[j] }
                row[j] = entry / pivot
                left[j] -= row[j] * step
                variance[j] -= row[j] * row[j]
            }
            rows.append(row)
        }
        return chosen
    }
}

/// A = LLᵀ of a symmetric positive definite matrix.
package struct Cholesky: Sendable {
    private let size: Int
    private var lower: [Double]

    /// Nil when the matrix is not positive definite.
    package init?(_ matrix: [Double], size: Int) {
        self.size = size
        lower = matrix
        let isPositive = lower.withUnsafeMutableBufferPointer { lower -> Bool in
            for i in 0..<size {
                for j in 0...i {
                    let sum = lower[i * size + j] - Cholesky.dot(UnsafeBufferPointer(lower), i * size, j * size, j)
                    if i == j {
                        guard sum > 0 else { return false }
                        lower[i * size + i] = sum.squareRoot()
                    } else {
                        lower[i * size + j] = sum / lower[j * size + j]
                    }
                }
            }
            return true
        }
        if !isPositive { return nil }
    }

    /// Σ over `count` elements of those from `a` times those from `b`, in eight sums side by side.
    @inline(__always)
    private static func dot(_ values: UnsafeBufferPointer<Double>, _ a: Int, _ b: Int, _ count: Int) -> Double {
        guard let base = values.baseAddress else { return 0 }
        let (x, y) = (base + a, base + b)
        var sums = SIMD8<Double>()
        var index = 0
        while index + 8 <= count {
            let left = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Double>.self)
            let right = UnsafeRawPointer(y + index).loadUnaligned(as: SIMD8<Double>.self)
            sums += left * right
            index += 8
        }
        var sum = sums.sum()
        while index < count {
            sum += x[index] * y[index]
            index += 1
        }
        return sum
    }

    /// The smallest of the squared diagonal of L: next to the matrix's entries, how near it is to a singular one.
    package var smallestPivot: Double {
        (0..<size).map { lower[$0 * size + $0] * lower[$0 * size + $0] }.min() ?? 0
    }

    /// x with Ax = b.
    package func solve(_ right: [Double]) -> [Double] {
        var x = right
        x.withUnsafeMutableBufferPointer { solve($0, columns: 1) }
        return x
    }

    /// Solves for several right sides at once, in place.
    ///
    /// - Parameter right: `size` rows of `columns` values, a column for each right side.
    package func solve(_ right: UnsafeMutableBufferPointer<Double>, columns: Int) {
        lower.withUnsafeBufferPointer { lower in
            for i in 0..<size {
                for k in 0..<i { subtract(right, i, lower[i * size + k], k, columns) }
                scale(right, i, 1 / lower[i * size + i], columns)
            }
            for i in stride(from: size - 1, through: 0, by: -1) {
                // Along the row of L, which lies together in memory, not down its column.
                scale(right, i, 1 / lower[i * size + i], columns)
                for k in 0..<i { subtract(right, k, lower[i * size + k], i, columns) }
            }
        }
    }

    @inline(__always)
    private func subtract(
        _ x: UnsafeMutableBufferPointer<Double>, _ row: Int, _ factor: Double, _ other: Int, _ columns: Int
    ) {
        for column in 0..<columns { x[row * columns + column] -= factor * x[other * columns + column] }
    }

    @inline(__always)
    private func scale(_ x: UnsafeMutableBufferPointer<Double>, _ row: Int, _ factor: Double, _ columns: Int) {
        for column in 0..<columns { x[row * columns + column] *= factor }
    }
}
