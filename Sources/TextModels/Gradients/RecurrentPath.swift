import Base
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
            let start = word(step) * copies
            let before = step > 0 ? word(step - 1) * copies : -1
            let product = step > 0 ? MatrixProduct.of(state, recurrent) : Matrix(copies, quad)
            out.gates.withUnsafeMutableBytes { gates in
                out.cells.withUnsafeMutableBytes { cells in
                    state.values.withUnsafeMutableBytes { hidden in
                        product.values.withUnsafeBytes { product in
                            drive.withUnsafeBytes { drive in
                                bias.withUnsafeBytes { bias in
                                    for copy in 0..<copies {
                                        for unit in stride(from: 0, to: row, by: 8) {
                                            func sum(_ gate: Int) -> SIMD8<Float> {
                                                let place = gate * row + unit
                                                return positions[copy] * load(drive, word(step) * quad + place)
                                                    + load(bias, place) + load(product, copy * quad + place)
                                            }
                                            let i = VectorFunctions.sigmoid(sum(0))
                                            let f = VectorFunctions.sigmoid(sum(1))
                                            let o = VectorFunctions.sigmoid(sum(2))
                                            let g = VectorFunctions.tanh(sum(3))
                                            var cell = i * g
                                            if before >= 0 {
                                                cell +=
                                                    f
                                                    * load(UnsafeRawBufferPointer(cells), (before + copy) * row + unit)
                                            }
                                            let base = (start + copy) * quad + unit
                                            store(i, gates, base)
                                            store(f, gates, base + row)
                                            store(o, gates, base + 2 * row)
                                            store(g, gates, base + 3 * row)
                                            store(cell, cells, (start + copy) * row + unit)
                                            store(o * VectorFunctions.tanh(cell), hidden, copy * row + unit)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            out.hidden.replaceSubrange(start * row..<(start + copies) * row, with: state.values)
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
        var own = [Float](repeating: 0, count: row)
        for step in stride(from: words - 1, through: 0, by: -1) {
            let word = word(step)
            let before = step > 0 ? self.word(step - 1) * copies : -1
            var total = [SIMD8<Float>](repeating: .zero, count: quad / 8)
            inner.values.withUnsafeMutableBytes { inner in
                fromCell.withUnsafeMutableBytes { fromCell in
                    run.gates.withUnsafeBytes { gates in
                        run.cells.withUnsafeBytes { cells in
                            fromHidden.values.withUnsafeBytes { fromHidden in
                                for copy in 0..<copies {
                                    let from = (copy * words + word) * slopes.columns + column
                                    for unit in 0..<width { own[unit] = slopes.values[from + unit] }
                                    for unit in stride(from: 0, to: row, by: 8) {
                                        let base = (word * copies + copy) * quad + unit
                                        let i = load(gates, base)
                                        let f = load(gates, base + row)
                                        let o = load(gates, base + 2 * row)
                                        let g = load(gates, base + 3 * row)
                                        let squashed = VectorFunctions.tanh(
                                            load(cells, (word * copies + copy) * row + unit))
                                        let dh =
                                            own.withUnsafeBytes { load($0, unit) } + load(fromHidden, copy * row + unit)
                                        let dc =
                                            load(UnsafeRawBufferPointer(fromCell), copy * row + unit) + dh * o
                                            * (1 - squashed * squashed)
                                        let old = before < 0 ? .zero : load(cells, (before + copy) * row + unit)
                                        let slopes = (
                                            dc * g * i * (1 - i), dc * old * f * (1 - f), dh * squashed * o * (1 - o),
                                            dc * i * (1 - g * g)
                                        )
                                        let place = copy * quad + unit
                                        store(slopes.0, inner, place)
                                        store(slopes.1, inner, place + row)
                                        store(slopes.2, inner, place + 2 * row)
                                        store(slopes.3, inner, place + 3 * row)
                                        total[unit / 8] += slopes.0
                                        total[(row + unit) / 8] += slopes.1
                                        total[(2 * row + unit) / 8] += slopes.2
                                        total[(3 * row + unit) / 8] += slopes.3
                                        store(dc * f, fromCell, copy * row + unit)
                                    }
                                }
                            }
                        }
                    }
                }
            }
            for (place, vector) in total.enumerated() {
                for lane in 0..<8 {
                    out[word] += Double(vector[lane]) * Double(drive[word * quad + place * 8 + lane])
                }
            }
            if step > 0 { fromHidden = MatrixProduct.of(inner, recurrent, secondTransposed: true) }
        }
        return out
    }
}

@inline(__always)
private func load(_ values: UnsafeRawBufferPointer, _ index: Int) -> SIMD8<Float> {
    values.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
}

@inline(__always)
private func store(_ vector: SIMD8<Float>, _ values: UnsafeMutableRawBufferPointer, _ index: Int) {
    values.storeBytes(of: vector, toByteOffset: index * 4, as: SIMD8<Float>.self)
}
