import Tensors

/// Gated recurrent units (Cho et al. 2014, section 2.3, with the reset gate behind the product as cuDNN has it) over each
/// text forwards and backwards; a word's vector is both hidden states side by side.
///
/// The gates lie side by side: reset r, update z, candidate n. n = tanh(Wn x + b + r ∘ (Un h + c)), h' = (1 − z) n + z h.
struct BidirectionalGRU: EncodeLayer {
    var parameters: [Parameter]
    private let width: Int
    var outputWidth: Int { 2 * width }

    init(inputWidth: Int, width: Int, seed: UInt64) {
        self.width = width
        parameters = ["forward", "backward"].flatMap { direction -> [Parameter] in
            [
                .glorot("encode.\(direction).input", inputWidth, 3 * width, seed: seed),
                .glorot("encode.\(direction).hidden", width, 3 * width, seed: seed),
                .zeros("encode.\(direction).bias", 1, 3 * width),
                .zeros("encode.\(direction).hidden_bias", 1, 3 * width),
            ]
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let ahead = GRUPass(x, Array(parameters[0..<4]), isReversed: false)
        let back = GRUPass(x, Array(parameters[4..<8]), isReversed: true)
        let width = width
        return (
            x.with(Columns.joined([ahead.hidden, back.hidden])),
            { gradient, gradients in
                var result = ahead.backward(Columns.slice(gradient, 0..<width), &gradients)
                result.add(back.backward(Columns.slice(gradient, width..<2 * width), &gradients))
                return result
            }
        )
    }
}

/// One direction, with everything the way back needs.
private struct GRUPass {
    private let x: Ragged
    private let parameters: [Parameter]
    private let width: Int
    private let order: SequenceOrder
    /// r, z and n after their functions, a row a word.
    private var gates: Matrix
    /// Un h + c, which the reset gate multiplies.
    private var recalled: Matrix
    private(set) var hidden: Matrix

    init(_ x: Ragged, _ parameters: [Parameter], isReversed: Bool) {
        self.x = x
        self.parameters = parameters
        width = parameters[1].value.rows
        order = SequenceOrder(x, isReversed: isReversed)
        gates = MatrixProduct.of(x.matrix, parameters[0].value)
        Kernels.addBias(&gates, parameters[2].value)
        recalled = Matrix(x.matrix.rows, width)
        hidden = Matrix(x.matrix.rows, width)
        run()
    }

    private mutating func run() {
        for step in 0..<order.steps {
            let count = order.running(at: step)
            var product = Matrix(count, 3 * width)
            if step > 0 {
                product = MatrixProduct.of(order.gather(hidden, count, step - 1), parameters[1].value)
            }
            Kernels.addBias(&product, parameters[3].value)
            for place in 0..<count {
                let row = order.row(place, step)
                let previous = step > 0 ? order.row(place, step - 1) : -1
                for unit in 0..<width {
                    let base = row * 3 * width + unit
                    let from = place * 3 * width + unit
                    let r = Kernels.sigmoid(gates.values[base] + product.values[from])
                    let z = Kernels.sigmoid(gates.values[base + width] + product.values[from + width])
                    let recall = product.values[from + 2 * width]
                    let n = Kernels.fastTanh(gates.values[base + 2 * width] + r * recall)
                    let before = previous < 0 ? 0 : hidden.values[previous * width + unit]
                    gates.values[base] = r
                    gates.values[base + width] = z
                    gates.values[base + 2 * width] = n
                    recalled.values[row * width + unit] = recall
                    hidden.values[row * width + unit] = (1 - z) * n + z * before
                }
            }
        }
    }

    /// Gradients of the hidden states to those of the words; through time, last step first.
    func backward(_ gradient: Matrix, _ gradients: inout Gradients) -> Matrix {
        // Gradients before the functions: on the input's side, and on the hidden state's side.
        var inner = Matrix(x.matrix.rows, 3 * width)
        var side = inner
        var before = Matrix(x.matrix.rows, width)
        var fromHidden = Matrix(0, width)
        var direct = [Float](repeating: 0, count: x.count * width)
        for step in stride(from: order.steps - 1, through: 0, by: -1) {
            let count = order.running(at: step)
            for place in 0..<count {
                let row = order.row(place, step)
                let previous = step > 0 ? order.row(place, step - 1) : -1
                for unit in 0..<width {
                    let base = row * 3 * width + unit
                    let (r, z, n) = (gates.values[base], gates.values[base + width], gates.values[base + 2 * width])
                    let old = previous < 0 ? 0 : hidden.values[previous * width + unit]
                    var dh = gradient.values[row * width + unit] + direct[place * width + unit]
                    if place < fromHidden.rows { dh += fromHidden.values[place * width + unit] }
                    let dn = dh * (1 - z) * (1 - n * n)
                    let dz = dh * (old - n) * z * (1 - z)
                    let dr = dn * recalled.values[row * width + unit] * r * (1 - r)
                    inner.values[base] = dr
                    inner.values[base + width] = dz
                    inner.values[base + 2 * width] = dn
                    side.values[base] = dr
                    side.values[base + width] = dz
                    side.values[base + 2 * width] = dn * r
                    direct[place * width + unit] = dh * z
                    before.values[row * width + unit] = old
                }
            }
            if step > 0 {
                fromHidden = MatrixProduct.of(
                    order.gather(side, count, step), parameters[1].value, secondTransposed: true)
            }
        }
        gradients.add(parameters[0].name, MatrixProduct.of(x.matrix, transposed: true, inner))
        gradients.add(parameters[1].name, MatrixProduct.of(before, transposed: true, side))
        gradients.add(parameters[2].name, Kernels.columnSums(inner))
        gradients.add(parameters[3].name, Kernels.columnSums(side))
        return MatrixProduct.of(inner, parameters[0].value, secondTransposed: true)
    }
}

/// Sequences longest first, so that at each step the first so many are still running.
struct SequenceOrder: Sendable {
    private let x: [Range<Int>]
    private let isReversed: Bool
    private let lengths: [Int]

    /// Equal lengths keep their own order, so that the same batch always runs the same way.
    init(_ x: Ragged, isReversed: Bool) {
        self.isReversed = isReversed
        self.x = (0..<x.count).sorted { (x.range($0).count, $1) > (x.range($1).count, $0) }.map { x.range($0) }
        lengths = self.x.map(\.count)
    }

    var steps: Int { lengths.first ?? 0 }

    func running(at step: Int) -> Int { lengths.prefix { $0 > step }.count }

    /// The word a sequence reads at a step.
    func row(_ place: Int, _ step: Int) -> Int {
        isReversed ? x[place].upperBound - 1 - step : x[place].lowerBound + step
    }

    /// The rows that the first `count` sequences read at a step, side by side for one product.
    func gather(_ matrix: Matrix, _ count: Int, _ step: Int) -> Matrix {
        var out = Matrix(count, matrix.columns)
        let columns = matrix.columns
        for place in 0..<count {
            let from = row(place, step) * columns
            for column in 0..<columns { out.values[place * columns + column] = matrix.values[from + column] }
        }
        return out
    }
}
