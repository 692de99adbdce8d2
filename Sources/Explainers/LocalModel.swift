import Base
import Glibc

/// The weighted linear model around one text (lime/lime_base.py, `explain_instance_with_data`).
package struct LocalModel: Sendable {
    /// Indices of the selected words, in the order of selection.
    package let chosen: [Int]
    /// Their values.
    package let coefficients: [Double]
    package let intercept: Double
    /// Weighted R² of the final model.
    package let fit: Double
    /// Nil when there are too few samples to say, or more than 1,024 words.
    package let standardErrors: [Double]?

    package init(
        masks: [BitSet], responses: [Double], kernelWidth: Double, selection: LIME.Selection, features: Int
    ) {
        let count = masks.first?.count ?? 0
        let weightOf = (0...count).map { LocalModel.weight(present: $0, of: count, kernelWidth: kernelWidth) }
        let moments = RegressionMoments(masks: masks, weight: { weightOf[$0] }, responses: responses)
        let chosen = LocalModel.select(
            moments, rows: masks.count, selection: selection, features: features)
        // α = 1 makes the matrix positive definite whatever the samples are.
        let model = moments.ridge(alpha: 1, on: chosen) ?? (chosen.map { _ in 0 }, moments.responseMean)
        var residuals: [Double] = []
        residuals.reserveCapacity(masks.count)
        var squares = 0.0
        for (row, mask) in masks.enumerated() {
            var predicted = model.intercept
            for (index, coefficient) in zip(chosen, model.coefficients) where mask[index] { predicted += coefficient }
            let residual = responses[row] - predicted
            residuals.append(residual)
            squares += weightOf[mask.population] * residual * residual
        }
        self.chosen = chosen
        coefficients = model.coefficients
        intercept = model.intercept
        // A constant answer is fitted exactly; rounding must not decide it.
        let constant = responses.allSatisfy { $0 == responses[0] }
        fit = constant ? 1 : 1 - squares / moments.responseSquares
        standardErrors = LocalModel.sandwich(
            moments, masks: masks, weights: masks.map { weightOf[$0.population] }, residuals: residuals, chosen: chosen)
    }

    /// exp(−D²/(2w²)) with the cosine distance D = 100·(1 − √(m/d)) of a binary row with m ones to the row of d ones.
    package static func weight(present: Int, of count: Int, kernelWidth: Double) -> Double {
        let distance = count == 0 ? 0 : 100 * (1 - (Double(present) / Double(count)).squareRoot())
        return exp(-(distance * distance) / (kernelWidth * kernelWidth)).squareRoot()
    }

    private static func select(
        _ moments: RegressionMoments, rows: Int, selection: LIME.Selection, features: Int
    ) -> [Int] {
        let all = Array(0..<moments.features)
        switch selection {
        case .none: return all
        case .forward: return moments.forwardSelection(limit: features)
        case .lasso: return LassoPath(moments, rows: rows).selection(limit: features) ?? all
        case .auto:
            return select(moments, rows: rows, selection: features <= 6 ? .forward : .highest, features: features)
        case .highest:
            guard let model = moments.ridge(alpha: 0.01, on: all) else { return Array(all.prefix(features)) }
            let sizes = model.coefficients.map(abs)
            // The lower index wins ties, as in Python's stable sort.
            return Array(all.sorted { (sizes[$1], $0) < (sizes[$0], $1) }.prefix(features))
        }
    }

    /// The errors of more words would take longer than everything else, by far.
    private static let mostErrors = 1024

    /// Square roots of the diagonal of A⁻¹ B A⁻¹ · n/(n − p − 1), A = XcᵀWXc + I, B = Σ w²r²·xc·xcᵀ.
    private static func sandwich(
        _ moments: RegressionMoments, masks: [BitSet], weights: [Double], residuals: [Double], chosen: [Int]
    ) -> [Double]? {
        let size = chosen.count
        let freedom = masks.count - size - 1
        guard freedom > 0, size <= mostErrors,
            let factor = Cholesky(moments.matrix(alpha: 1, on: chosen), size: size)
        else { return nil }
        // One solve a feature instead of one a row: column j of A⁻¹ against the scores w·r·xc of all rows.
        let means = moments.means
        let columns = (0..<size).map { j in factor.solve((0..<size).map { $0 == j ? 1 : 0 }) }
        let shifts = columns.map { column in zip(chosen, column).reduce(0) { $0 + means[$1.0] * $1.1 } }
        var sums = [Double](repeating: 0, count: size)
        var present: [Int] = []
        for (row, mask) in masks.enumerated() {
            present.removeAll(keepingCapacity: true)
            for (place, index) in chosen.enumerated() where mask[index] { present.append(place) }
            let residual = weights[row] * residuals[row]
            for (feature, column) in columns.enumerated() {
                var influence = -shifts[feature]
                for place in present { influence += column[place] }
                influence *= residual
                sums[feature] += influence * influence
            }
        }
        return sums.map { ($0 * Double(masks.count) / Double(freedom)).squareRoot() }
    }
}
