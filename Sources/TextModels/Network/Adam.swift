import Glibc
import Tensors

/// Adam (Kingma & Ba 2015, algorithm 1). Rows of the embedding that a batch does not use are left alone, moments
/// included ("lazy"), so a step costs what the batch costs and not what the vocabulary costs.
struct Adam {
    private let beta1: Float = 0.9
    private let beta2: Float = 0.999
    private let epsilon: Float = 1e-8
    private var step = 0
    private var first: [Matrix]
    private var second: [Matrix]

    init(_ parameters: [Parameter]) {
        first = parameters.map { Matrix($0.value.rows, $0.value.columns) }
        second = first
    }

    /// Moves the parameters against the sum of the gradients of all parts of a batch, parts in order.
    ///
    /// - Parameters:
    ///   - rate: the step size.
    ///   - norm: gradients together longer than this are shortened to it (Pascanu et al. 2013).
    mutating func apply(
        _ parts: [Gradients], to parameters: inout [Parameter], rate: Double, norm limit: Float = 5
    ) {
        step += 1
        let rows = Adam.joinRows(parts.compactMap(\.rows), width: parameters[0].value.columns)
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
        let scale = Float(min(1, Double(limit) / max(sqrt(square), 1e-12)))
        let correction = sqrt(1 - pow(Double(beta2), Double(step))) / (1 - pow(Double(beta1), Double(step)))
        let size = Float(rate * correction)
        for index in parameters.indices.dropFirst() {
            guard let gradient = dense[index] else { continue }
            dense[index] = nil
            update(index, &parameters[index].value, 0..<gradient.values.count, gradient.values, 0, scale, size)
        }
        let width = parameters[0].value.columns
        for (place, id) in rows.ids.enumerated() {
            let range = Int(id) * width..<(Int(id) + 1) * width
            update(0, &parameters[0].value, range, rows.values.values, place * width, scale, size)
        }
    }

    private mutating func update(
        _ index: Int, _ value: inout Matrix, _ range: Range<Int>, _ gradient: [Float], _ start: Int, _ scale: Float,
        _ size: Float
    ) {
        let (beta1, beta2, epsilon) = (beta1, beta2, epsilon)
        first[index].values.withUnsafeMutableBufferPointer { m in
            second[index].values.withUnsafeMutableBufferPointer { v in
                value.values.withUnsafeMutableBufferPointer { w in
                    gradient.withUnsafeBufferPointer { g in
                        for offset in 0..<range.count {
                            let place = range.lowerBound + offset
                            let slope = g[start + offset] * scale
                            m[place] = beta1 * m[place] + (1 - beta1) * slope
                            v[place] = beta2 * v[place] + (1 - beta2) * slope * slope
                            w[place] -= size * m[place] / (v[place].squareRoot() + epsilon)
                        }
                    }
                }
            }
        }
    }

    private static func joinRows(
        _ parts: [(ids: [Int32], values: Matrix)], width: Int
    ) -> (ids: [Int32], values: Matrix) {
        let ids = Set(parts.flatMap(\.ids)).sorted()
        let places = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        var sums = Matrix(ids.count, width)
        for part in parts {
            for (row, id) in part.ids.enumerated() {
                guard let place = places[id] else { continue }
                for column in 0..<width {
                    sums.values[place * width + column] += part.values.values[row * width + column]
                }
            }
        }
        return (ids, sums)
    }
}
