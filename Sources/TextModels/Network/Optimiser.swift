import Glibc
import Tensors

/// cos(π x).
func cosine(_ x: Double) -> Double { cos(.pi * x) }

/// Moves parameters against their gradients: Adam, AdamW or gradient descent with momentum.
///
/// Rows of the embedding that a batch does not use are left alone, moments included ("lazy"), so a step costs what the
/// batch costs and not what the vocabulary costs.
struct Optimiser: Sendable {
    private let kind: TrainingSpec.Optimiser
    private let decay: Float
    private let limit: Float
    private let beta1: Float = 0.9
    private let beta2: Float = 0.999
    private let epsilon: Float = 1e-8
    /// Steps taken, and the moments of each parameter: what a checkpoint keeps.
    var step = 0
    var first: [Matrix]
    var second: [Matrix]

    init(_ parameters: [Parameter], _ training: TrainingSpec) {
        kind = training.optimiser
        decay = Float(training.optimiser == .adamw ? training.weightDecay : 0)
        limit = Float(training.clip)
        first = parameters.map { Matrix($0.value.rows, $0.value.columns) }
        second = training.optimiser == .sgd ? first.map { _ in Matrix(0, 0) } : first
    }

    /// Moves the parameters against the sum of the gradients of all parts of a batch, parts in order.
    ///
    /// - Parameters:
    ///   - rate: the step size.
    ///   - share: what the sum is multiplied by first.
    /// - Returns: the gradients' length before it was cut.
    @discardableResult
    mutating func apply(
        _ parts: [Gradients], to parameters: inout [Parameter], rate: Double, share: Float = 1
    ) -> Double {
        step += 1
        let rows = Optimiser.joinRows(parts.compactMap(\.rows), width: parameters[0].value.columns)
        var dense: [Matrix?] = parameters.map { parameter in
            var sum: Matrix?
            for part in parts {
                guard let gradient = part.dense[parameter.name] else { continue }
                if sum == nil { sum = gradient } else { sum?.add(gradient) }
            }
            return sum
        }
        var square = 0.0
        for matrix in dense { for value in matrix?.values ?? [] { square += Double(value) * Double(value) } }
        for value in rows.values.values { square += Double(value) * Double(value) }
        let norm = square.squareRoot() * Double(share)
        let scale = limit > 0 ? share * Float(min(1, Double(limit) / max(norm, 1e-12))) : share
        let correction = sqrt(1 - pow(Double(beta2), Double(step))) / (1 - pow(Double(beta1), Double(step)))
        let size = Float(kind == .sgd ? rate : rate * correction)
        let kept = Float(1 - rate * Double(decay))
        for index in parameters.indices.dropFirst() {
            guard let gradient = dense[index] else { continue }
            dense[index] = nil
            // Biases and factors of one row are not made smaller.
            let kept = gradient.rows == 1 ? 1 : kept
            update(index, &parameters[index].value, 0..<gradient.values.count, gradient.values, 0, scale, size, kept)
        }
        let width = parameters[0].value.columns
        for (place, id) in rows.ids.enumerated() {
            let range = Int(id) * width..<(Int(id) + 1) * width
            update(0, &parameters[0].value, range, rows.values.values, place * width, scale, size, kept)
        }
        return norm
    }

    private mutating func update(
        _ index: Int, _ value: inout Matrix, _ range: Range<Int>, _ gradient: [Float], _ start: Int, _ scale: Float,
        _ size: Float, _ kept: Float
    ) {
        let (beta1, beta2, epsilon) = (beta1, beta2, epsilon)
        if kind == .sgd {
            for offset in 0..<range.count {
                let place = range.lowerBound + offset
                let velocity = beta1 * first[index].values[place] + gradient[start + offset] * scale
                first[index].values[place] = velocity
                value.values[place] -= size * velocity
            }
            return
        }
        first[index].values.withUnsafeMutableBufferPointer { m in
            second[index].values.withUnsafeMutableBufferPointer { v in
                value.values.withUnsafeMutableBufferPointer { w in
                    gradient.withUnsafeBufferPointer { g in
                        for offset in 0..<range.count {
                            let place = range.lowerBound + offset
                            let slope = g[start + offset] * scale
                            m[place] = beta1 * m[place] + (1 - beta1) * slope
                            v[place] = beta2 * v[place] + (1 - beta2) * slope * slope
                            w[place] = kept * w[place] - size * m[place] / (v[place].squareRoot() + epsilon)
                        }
                    }
                }
            }
        }
    }

    private static func joinRows(
        _ parts: [(ids: [Int32], values: Matrix)], width: Int
    ) -> (ids: [Int32], values: Matrix) {
        let ids = parts.flatMap(\.ids)
        if ids.isEmpty { return ([], Matrix(0, width)) }
        return WordEmbedding.sums(
            ids, Matrix(rows: ids.count, columns: width, values: Array(parts.map(\.values.values).joined())))
    }
}
