import Tensors

/// A long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates) over each text forwards and backwards;
/// a word's vector is both hidden states side by side.
///
/// All words meet the input weights in one product; then each step is one product for all texts that are that long.
/// The four gates lie side by side: input, forget, output, candidate.
struct BidirectionalLSTM: EncodeLayer {
    var parameters: [Parameter]
    private let width: Int
    var outputWidth: Int { 2 * width }

    init(inputWidth: Int, width: Int, seed: UInt64) {
        self.width = width
        parameters = ["forward", "backward"].flatMap { direction -> [Parameter] in
            var bias = Parameter.zeros("encode.\(direction).bias", 1, 4 * width)
            // Remember by default (Jozefowicz et al. 2015, section 2.2).
            for unit in width..<2 * width { bias.value.values[unit] = 1 }
            return [
                .glorot("encode.\(direction).input", inputWidth, 4 * width, seed: seed),
                .glorot("encode.\(direction).hidden", width, 4 * width, seed: seed), bias,
            ]
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let ahead = LSTMPass(x, parameters[0], parameters[1], parameters[2], isReversed: false)
        let back = LSTMPass(x, parameters[3], parameters[4], parameters[5], isReversed: true)
        let width = width
        var output = Matrix(x.matrix.rows, 2 * width)
        for row in 0..<x.matrix.rows {
            for unit in 0..<width {
                output.values[row * 2 * width + unit] = ahead.hidden.values[row * width + unit]
                output.values[row * 2 * width + width + unit] = back.hidden.values[row * width + unit]
            }
        }
        return (
            x.with(output),
            { gradient, gradients in
                func half(_ start: Int) -> Matrix {
                    var part = Matrix(gradient.rows, width)
                    for row in 0..<gradient.rows {
                        for unit in 0..<width {
                            part.values[row * width + unit] = gradient.values[row * 2 * width + start + unit]
                        }
                    }
                    return part
                }
                var result = ahead.backward(half(0), &gradients)
                result.add(back.backward(half(width), &gradients))
                return result
            }
        )
    }
}

/// One direction, with everything the way back needs.
private struct LSTMPass {
    private let x: Ragged
    private let input: Parameter
    private let recurrent: Parameter
    private let bias: Parameter
    private let width: Int
    /// Sequences, longest first: at each step the first so many are still running.
    private let order: [Int]
    private let isReversed: Bool
    /// Gates after their functions, cell states and hidden states, a row a word.
    private var gates: Matrix
    private var cells: Matrix
    private(set) var hidden: Matrix

    init(_ x: Ragged, _ input: Parameter, _ recurrent: Parameter, _ bias: Parameter, isReversed: Bool) {
        self.x = x
        self.input = input
        self.recurrent = recurrent
        self.bias = bias
        self.isReversed = isReversed
        width = recurrent.value.rows
        // Equal lengths in their own order, so that the same batch always runs the same way.
        order = (0..<x.count).sorted { (x.range($0).count, $1) > (x.range($1).count, $0) }
        gates = MatrixProduct.of(x.matrix, input.value)
        Kernels.addBias(&gates, bias.value)
        cells = Matrix(x.matrix.rows, width)
        hidden = Matrix(x.matrix.rows, width)
        run()
    }

    private var steps: Int { order.first.map { x.range($0).count } ?? 0 }

    private func running(at step: Int) -> Int { order.prefix { x.range($0).count > step }.count }

    /// The word a sequence reads at a step.
    private func row(_ place: Int, _ step: Int) -> Int {
        let range = x.range(order[place])
        return isReversed ? range.upperBound - 1 - step : range.lowerBound + step
    }

    private mutating func run() {
        for step in 0..<steps {
            let count = running(at: step)
            var product = Matrix(count, 4 * width)
            if step > 0 {
                product = MatrixProduct.of(gather(hidden, count, step - 1), recurrent.value)
            }
            for place in 0..<count {
                let row = row(place, step)
                let previous = step > 0 ? self.row(place, step - 1) : -1
                for unit in 0..<width {
                    let base = row * 4 * width + unit
                    let from = place * 4 * width + unit
                    let i = Kernels.sigmoid(gates.values[base] + product.values[from])
                    let f = Kernels.sigmoid(gates.values[base + width] + product.values[from + width])
                    let o = Kernels.sigmoid(gates.values[base + 2 * width] + product.values[from + 2 * width])
                    let g = Kernels.fastTanh(gates.values[base + 3 * width] + product.values[from + 3 * width])
                    let before = previous < 0 ? 0 : cells.values[previous * width + unit]
                    let cell = f * before + i * g
                    gates.values[base] = i
                    gates.values[base + width] = f
                    gates.values[base + 2 * width] = o
                    gates.values[base + 3 * width] = g
                    cells.values[row * width + unit] = cell
                    hidden.values[row * width + unit] = o * Kernels.fastTanh(cell)
                }
            }
        }
    }

    /// Gradients of the hidden states to those of the words; through time, last step first.
    func backward(_ gradient: Matrix, _ gradients: inout Gradients) -> Matrix {
        var inner = Matrix(x.matrix.rows, 4 * width)
        var before = Matrix(x.matrix.rows, width)
        var fromHidden = Matrix(0, width)
        var fromCell = [Float](repeating: 0, count: x.count * width)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let count = running(at: step)
            for place in 0..<count {
                let row = row(place, step)
                let previous = step > 0 ? self.row(place, step - 1) : -1
                for unit in 0..<width {
                    let base = row * 4 * width + unit
                    let i = gates.values[base]
                    let f = gates.values[base + width]
                    let o = gates.values[base + 2 * width]
                    let g = gates.values[base + 3 * width]
                    let squashed = Kernels.fastTanh(cells.values[row * width + unit])
                    var dh = gradient.values[row * width + unit]
                    if place < fromHidden.rows { dh += fromHidden.values[place * width + unit] }
                    let dc = fromCell[place * width + unit] + dh * o * (1 - squashed * squashed)
                    let old = previous < 0 ? 0 : cells.values[previous * width + unit]
                    inner.values[base] = dc * g * i * (1 - i)
                    inner.values[base + width] = dc * old * f * (1 - f)
                    inner.values[base + 2 * width] = dh * squashed * o * (1 - o)
                    inner.values[base + 3 * width] = dc * i * (1 - g * g)
                    fromCell[place * width + unit] = dc * f
                    if previous >= 0 { before.values[row * width + unit] = hidden.values[previous * width + unit] }
                }
            }
            if step > 0 {
                fromHidden = MatrixProduct.of(gather(inner, count, step), recurrent.value, secondTransposed: true)
            }
        }
        gradients.add(input.name, MatrixProduct.of(x.matrix, transposed: true, inner))
        gradients.add(recurrent.name, MatrixProduct.of(before, transposed: true, inner))
        gradients.add(bias.name, Kernels.columnSums(inner))
        return MatrixProduct.of(inner, input.value, secondTransposed: true)
    }

    /// The rows that the first `count` sequences read at a step, side by side for one product.
    private func gather(_ matrix: Matrix, _ count: Int, _ step: Int) -> Matrix {
        var out = Matrix(count, matrix.columns)
        let columns = matrix.columns
        out.values.withUnsafeMutableBufferPointer { out in
            matrix.values.withUnsafeBufferPointer { source in
                for place in 0..<count {
                    let from = row(place, step) * columns
                    for column in 0..<columns { out[place * columns + column] = source[from + column] }
                }
            }
        }
        return out
    }
}
