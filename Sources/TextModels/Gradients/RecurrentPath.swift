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

    /// Most rows of one run: what the way back needs of them should stay near the processor.
    private static let rowsPerRun = 3072

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
        let copies = points.count
        let columns = 2 * ahead.width
        var states = Matrix(copies * words, columns)
        let memories = [ahead, back].enumerated().map { side, direction in
            direction.run(positions, into: &states.values, column: side * ahead.width, columns: columns)
        }
        let encoded = Ragged(states, offsets: (0...copies).map { $0 * words })
        let attention = (network.attend as? ContextAttention).flatMap { AttentionPath($0, encoded) }
        let general = attention == nil ? network.attend.forward(encoded) : nil
        guard let pooled = attention?.pooled ?? general?.output else { return ([], []) }
        let (probabilities, predictBack) = network.predict.forward(pooled)
        var gradient = network.predict.slopes(probabilities, target: target)
        for (copy, point) in points.enumerated() {
            for label in 0..<gradient.columns { gradient[copy, label] *= Float(point.weight) }
        }
        var unused = Gradients(wantsWeights: false)
        let above = predictBack(gradient, &unused)
        let slopes = attention?.slopes(above) ?? general?.backward(above, &unused) ?? Matrix(0, columns)
        let first = ahead.back(memories[0], slopes.values, column: 0, columns: columns)
        let second = back.back(memories[1], slopes.values, column: ahead.width, columns: columns)
        return (zip(first, second).map { $0 + $1 }, points.indices.map { Double(probabilities[$0, target]) })
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
    private let transposed: Matrix

    /// What the way back needs: gates after their functions, cells, and cells after theirs.
    final class Memory {
        let copies: Int
        let gates: UnsafeMutableBufferPointer<Float>
        let cells: UnsafeMutableBufferPointer<Float>
        let squashed: UnsafeMutableBufferPointer<Float>
        let scratch: UnsafeMutableBufferPointer<Float>

        init(words: Int, copies: Int, width: Int) {
            self.copies = copies
            gates = .allocate(capacity: max(1, words * copies * 4 * width))
            cells = .allocate(capacity: max(1, words * copies * width))
            squashed = .allocate(capacity: max(1, words * copies * width))
            scratch = .allocate(capacity: 6 * (copies + 1) * width + 1)
        }

        deinit {
            for part in [gates, cells, squashed, scratch] { part.deallocate() }
        }
    }

    init(_ x: Matrix, _ input: Matrix, _ hidden: Matrix, _ bias: Matrix, isReversed: Bool) {
        let width = hidden.rows
        let padded = (width + 7) / 8 * 8
        func fill(_ matrix: Matrix, rows: Int) -> Matrix {
            if width == padded, rows == matrix.rows { return matrix }
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
        transposed = recurrent.transposed
    }

    /// - Parameters:
    ///   - states: gets the states, a row of `columns` for each word of each copy.
    ///   - column: where those of this direction begin.
    func run(_ positions: [Float], into states: inout [Float], column: Int, columns: Int) -> Memory {
        let memory = Memory(words: words, copies: positions.count, width: padded)
        states.withUnsafeMutableBufferPointer { states in
            guard let states = states.baseAddress else { return }
            cvector_lstm_path(
                Int32(words), Int32(positions.count), Int32(padded), Int32(width), isReversed ? 1 : 0, positions, drive,
                bias, recurrent.values, memory.scratch.baseAddress, memory.gates.baseAddress, memory.cells.baseAddress,
                memory.squashed.baseAddress, states + column, columns, words * columns)
        }
        return memory
    }

    /// For each word, the sum over copies of the gradient along the text, from the gradients of the states.
    func back(_ memory: Memory, _ slopes: [Float], column: Int, columns: Int) -> [Double] {
        var out = [Double](repeating: 0, count: words)
        slopes.withUnsafeBufferPointer { slopes in
            guard let slopes = slopes.baseAddress else { return }
            cvector_lstm_path_back(
                Int32(words), Int32(memory.copies), Int32(padded), Int32(width), isReversed ? 1 : 0, drive,
                transposed.values, memory.scratch.baseAddress, memory.gates.baseAddress, memory.cells.baseAddress,
                memory.squashed.baseAddress, slopes + column, columns, words * columns, &out)
        }
        return out
    }
}
