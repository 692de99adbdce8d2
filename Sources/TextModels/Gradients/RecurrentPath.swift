import Base
import CVector
import Tensors

/// Integrated gradients of a recurrent network, all points of the path at once.
///
/// The points are multiples of one text. So the product with the input weights is made once and scaled for each point, the
/// gradient need only be known along the text itself, for which the same product serves, and gradients of weights are never
/// formed: of the layer's products the recurrent ones remain. `DifferentiableText.integratedGradients` is the plain version.
struct RecurrentPath {
    private let network: Network
    private let ahead: Direction
    private let back: Direction
    private let words: Int

    /// - Parameter vectors: a row a word, at least one.
    init?(_ network: Network, vectors: Matrix) {
        guard let layer = network.encode as? BidirectionalLSTM, network.attend.grouping == .texts, vectors.rows > 0
        else { return nil }
        let parts = layer.parameters.map(\.value)
        self.network = network
        words = vectors.rows
        ahead = Direction(vectors, parts[0], parts[1], parts[2], isReversed: false)
        back = Direction(vectors, parts[3], parts[4], parts[5], isReversed: true)
    }

    /// Most rows of one run.
    private static let rowsPerRun = 8192

    /// - Returns: the integral for each word, and the target's probability at the text and at zero.
    func integrate(
        _ nodes: [(position: Double, weight: Double)], target: Int
    ) throws -> (rows: [Double], value: Double, baseline: Double) {
        let points = nodes + [(position: 1, weight: 0), (position: 0, weight: 0)]
        let fitting = max(1, RecurrentPath.rowsPerRun / words)
        let even = (points.count + processorCount() - 1) / processorCount()
        let together = max(1, min(fitting, even))
        let starts = Array(stride(from: 0, to: points.count, by: together))
        let parts = try parallelMap(count: starts.count) { part in
            run(Array(points[starts[part]..<min(starts[part] + together, points.count)]), target)
        }
        var rows = [Double](repeating: 0, count: words)
        for part in parts { for row in rows.indices { rows[row] += part.rows[row] } }
        let values = parts.flatMap(\.values)
        return (rows, values[nodes.count], values[nodes.count + 1])
    }

    private func run(
        _ points: [(position: Double, weight: Double)], _ target: Int
    ) -> (rows: [Double], values: [Double]) {
        let positions = points.map { Float($0.position) }
        let (forward, reverse) = (ahead.run(positions), back.run(positions))
        let width = ahead.width
        let encoded = Ragged(
            gathered(forward.hidden, reverse.hidden, copies: points.count, width: width),
            offsets: (0...points.count).map { $0 * words })
        let (pooled, attendBack) = network.attend.forward(encoded)
        let (probabilities, predictBack) = network.predict.forward(pooled)
        var gradient = network.predict.slopes(probabilities, target: target)
        for (copy, point) in points.enumerated() {
            for label in 0..<gradient.columns { gradient[copy, label] *= Float(point.weight) }
        }
        var unused = Gradients(wantsWeights: false)
        let slopes = attendBack(predictBack(gradient, &unused), &unused)
        let first = ahead.back(forward, slopes, column: 0, copies: points.count)
        let second = back.back(reverse, slopes, column: width, copies: points.count)
        return (zip(first, second).map { $0 + $1 }, points.indices.map { Double(probabilities[$0, target]) })
    }

    /// Both directions side by side, copy after copy.
    private func gathered(_ a: [Float], _ b: [Float], copies: Int, width: Int) -> Matrix {
        var out = Matrix(copies * words, 2 * width)
        let padded = ahead.padded
        out.values.withUnsafeMutableBufferPointer { out in
            for (column, source) in [(0, a), (width, b)] {
                source.withUnsafeBufferPointer { source in
                    for word in 0..<words {
                        for copy in 0..<copies {
                            let from = (word * copies + copy) * padded
                            let to = (copy * words + word) * 2 * width + column
                            for unit in 0..<width { out[to + unit] = source[from + unit] }
                        }
                    }
                }
            }
        }
        return out
    }
}

/// One direction over copies of a text. Rows of all arrays are word by word and, within a word, copy by copy; units are
/// filled up to a multiple of eight with ones whose weights are zero.
private struct Direction {
    let width: Int
    let padded: Int
    private let words: Int
    private let isReversed: Bool
    /// The text times the input weights: a row of four gates a word.
    private let drive: [Float]
    private let bias: [Float]
    private let recurrent: Matrix

    /// What the way back needs.
    struct Run {
        /// Input, forget, output and candidate after their functions.
        var gates: [Float]
        var cells: [Float]
        var hidden: [Float]
    }

    init(_ x: Matrix, _ input: Matrix, _ hidden: Matrix, _ bias: Matrix, isReversed: Bool) {
        let width = hidden.rows
        let padded = (width + 7) / 8 * 8
        func fill(_ matrix: Matrix, rows: Int) -> Matrix {
            var out = Matrix(rows, 4 * padded)
            for row in 0..<matrix.rows {
                for gate in 0..<4 {
                    for unit in 0..<width { out[row, gate * padded + unit] = matrix[row, gate * width + unit] }
                }
            }
            return out
        }
        self.width = width
        self.padded = padded
        self.isReversed = isReversed
        words = x.rows
        drive = fill(MatrixProduct.of(x, input), rows: x.rows).values
        self.bias = fill(bias, rows: 1).values
        recurrent = fill(hidden, rows: padded)
    }

    private func word(_ step: Int) -> Int { isReversed ? words - 1 - step : step }

    func run(_ positions: [Float]) -> Run {
        let copies = positions.count
        let (row, quad) = (padded, 4 * padded)
        var out = Run(
            gates: [Float](repeating: 0, count: words * copies * quad),
            cells: [Float](repeating: 0, count: words * copies * row),
            hidden: [Float](repeating: 0, count: words * copies * row))
        var state = Matrix(copies, row)
        for step in 0..<words {
            let place = word(step)
            let start = place * copies
            let product = step > 0 ? MatrixProduct.of(state, recurrent) : Matrix(copies, quad)
            drive.withUnsafeBufferPointer { drive in
                out.gates.withUnsafeMutableBufferPointer { gates in
                    out.cells.withUnsafeMutableBufferPointer { cells in
                        state.values.withUnsafeMutableBufferPointer { states in
                            cvector_lstm_forward(
                                Int32(copies), Int32(row), positions, drive.baseAddress.map { $0 + place * quad },
                                bias, product.values,
                                step > 0
                                    ? UnsafePointer(cells.baseAddress.map { $0 + word(step - 1) * copies * row }) : nil,
                                gates.baseAddress.map { $0 + start * quad }, cells.baseAddress.map { $0 + start * row },
                                states.baseAddress)
                        }
                    }
                }
            }
            out.hidden.withUnsafeMutableBufferPointer { hidden in
                _ = UnsafeMutableBufferPointer(rebasing: hidden[start * row..<(start + copies) * row])
                    .update(from: state.values)
            }
        }
        return out
    }

    /// For each word, the sum over copies of the gradient along the text.
    ///
    /// - Parameters:
    ///   - slopes: gradients of both directions' states, copy after copy.
    ///   - column: where those of this direction begin.
    func back(_ run: Run, _ slopes: Matrix, column: Int, copies: Int) -> [Double] {
        let (row, quad) = (padded, 4 * padded)
        var out = [Double](repeating: 0, count: words)
        var inner = Matrix(copies, quad)
        var fromHidden = Matrix(copies, row)
        var fromCell = [Float](repeating: 0, count: copies * row)
        var total = [Float](repeating: 0, count: quad)
        for step in stride(from: words - 1, through: 0, by: -1) {
            let place = word(step)
            let start = place * copies
            run.gates.withUnsafeBufferPointer { gates in
                run.cells.withUnsafeBufferPointer { cells in
                    slopes.values.withUnsafeBufferPointer { above in
                        inner.values.withUnsafeMutableBufferPointer { inner in
                            cvector_lstm_backward(
                                Int32(copies), Int32(row), Int32(width),
                                above.baseAddress.map { $0 + place * slopes.columns + column },
                                words * slopes.columns, fromHidden.values, &fromCell,
                                gates.baseAddress.map { $0 + start * quad }, cells.baseAddress.map { $0 + start * row },
                                step > 0 ? cells.baseAddress.map { $0 + word(step - 1) * copies * row } : nil,
                                inner.baseAddress, &total)
                        }
                    }
                }
            }
            var sum = 0.0
            for index in 0..<quad { sum += Double(total[index]) * Double(drive[place * quad + index]) }
            out[place] = sum
            if step > 0 { fromHidden = MatrixProduct.of(inner, recurrent, secondTransposed: true) }
        }
        return out
    }
}
