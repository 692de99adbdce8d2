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
        ahead.steps.scatter(ahead.hidden, into: &output, column: 0)
        back.steps.scatter(back.hidden, into: &output, column: width)
        return (
            x.with(output),
            { gradient, gradients in
                var result = Matrix(x.matrix.rows, x.matrix.columns)
                for (start, pass) in [(0, ahead), (width, back)] {
                    let own = pass.steps.gather(gradient, columns: start..<start + width)
                    pass.steps.add(pass.backward(own, &gradients), into: &result)
                }
                return result
            }
        )
    }
}

/// Texts of a batch side by side, step by step: the rows of a step lie together, longest text first, so that a step is one
/// product and its texts are the first of the step before.
struct StepOrder: Sendable {
    /// The row of the batch that is read at each place.
    let rows: [Int]
    /// Step t has the places `starts[t] ..< starts[t + 1]`.
    let starts: [Int]

    init(_ x: Ragged, isReversed: Bool) {
        // Equal lengths in their own order, so that the same batch always runs the same way.
        let order = (0..<x.count).sorted { (x.range($0).count, $1) > (x.range($1).count, $0) }
        var running = order.count
        var rows: [Int] = []
        rows.reserveCapacity(x.matrix.rows)
        var starts = [0]
        for step in 0..<(order.first.map { x.range($0).count } ?? 0) {
            while running > 0, x.range(order[running - 1]).count <= step { running -= 1 }
            for sequence in order.prefix(running) {
                let range = x.range(sequence)
                rows.append(isReversed ? range.upperBound - 1 - step : range.lowerBound + step)
            }
            starts.append(rows.count)
        }
        self.rows = rows
        self.starts = starts
    }

    var count: Int { starts.count - 1 }

    /// Rows of a batch, or some of their columns, in the order of steps.
    func gather(_ x: Matrix, columns: Range<Int>? = nil) -> Matrix {
        let columns = columns ?? 0..<x.columns
        var out = Matrix(rows.count, columns.count)
        out.values.withUnsafeMutableBufferPointer { out in
            x.values.withUnsafeBufferPointer { x in
                guard let to = out.baseAddress, let from = x.baseAddress else { return }
                let width = x.count / max(1, rows.count)
                for (place, row) in rows.enumerated() {
                    (to + place * columns.count).update(
                        from: from + row * width + columns.lowerBound, count: columns.count)
                }
            }
        }
        return out
    }

    /// The way back: rows in the order of steps to the columns of a batch that begin at `column`.
    func scatter(_ steps: Matrix, into x: inout Matrix, column: Int) {
        let (width, columns) = (x.columns, steps.columns)
        x.values.withUnsafeMutableBufferPointer { x in
            steps.values.withUnsafeBufferPointer { steps in
                guard let to = x.baseAddress, let from = steps.baseAddress else { return }
                for (place, row) in rows.enumerated() {
                    (to + row * width + column).update(from: from + place * columns, count: columns)
                }
            }
        }
    }

    /// Adds rows in the order of steps to those of a batch.
    func add(_ steps: Matrix, into x: inout Matrix) {
        let columns = x.columns
        x.values.withUnsafeMutableBufferPointer { x in
            steps.values.withUnsafeBufferPointer { steps in
                for (place, row) in rows.enumerated() {
                    for column in 0..<columns { x[row * columns + column] += steps[place * columns + column] }
                }
            }
        }
    }

    /// What each place's text had at the step before: zero at the first step.
    func before(_ steps: Matrix) -> Matrix {
        var out = Matrix(steps.rows, steps.columns)
        let columns = steps.columns
        out.values.withUnsafeMutableBufferPointer { out in
            steps.values.withUnsafeBufferPointer { steps in
                guard let to = out.baseAddress, let from = steps.baseAddress else { return }
                for step in 1..<max(1, count) {
                    (to + starts[step] * columns).update(
                        from: from + starts[step - 1] * columns, count: (starts[step + 1] - starts[step]) * columns)
                }
            }
        }
        return out
    }
}

/// One direction, with everything the way back needs; all rows are in the order of steps.
private struct LSTMPass {
    let steps: StepOrder
    private let x: Matrix
    private let input: Parameter
    private let recurrent: Parameter
    private let bias: Parameter
    private let width: Int
    /// Gates after their functions, cell states and hidden states.
    private var gates: Matrix
    private var cells: Matrix
    private(set) var hidden: Matrix

    init(_ x: Ragged, _ input: Parameter, _ recurrent: Parameter, _ bias: Parameter, isReversed: Bool) {
        steps = StepOrder(x, isReversed: isReversed)
        self.x = steps.gather(x.matrix)
        self.input = input
        self.recurrent = recurrent
        self.bias = bias
        width = recurrent.value.rows
        gates = Matrix(self.x.rows, 4 * width)
        Kernels.addBias(&gates, bias.value)
        gates = MatrixProduct.of(self.x, input.value, addingTo: gates)
        cells = Matrix(self.x.rows, width)
        hidden = Matrix(self.x.rows, width)
        run()
    }

    private mutating func run() {
        let (width, steps, recurrent) = (width, steps, recurrent.value)
        gates.values.withUnsafeMutableBufferPointer { gates in
            cells.values.withUnsafeMutableBufferPointer { cells in
                hidden.values.withUnsafeMutableBufferPointer { hidden in
                    guard let gates = gates.baseAddress, let cells = cells.baseAddress, let hidden = hidden.baseAddress
                    else { return }
                    for step in 0..<steps.count {
                        let start = steps.starts[step]
                        let last = step > 0 ? steps.starts[step - 1] : -1
                        let count = steps.starts[step + 1] - start
                        if last >= 0 {
                            MatrixProduct.add(
                                hidden + last * width, recurrent, to: gates + start * 4 * width, rows: count)
                        }
                        for place in 0..<count {
                            let row = start + place
                            RecurrentKernels.lstm(
                                gates: gates + row * 4 * width,
                                before: last >= 0 ? UnsafePointer(cells + (last + place) * width) : nil,
                                cell: cells + row * width, hidden: hidden + row * width, width: width)
                        }
                    }
                }
            }
        }
    }

    /// Gradients of the hidden states to those of the words; through time, last step first.
    func backward(_ gradient: Matrix, _ gradients: inout Gradients) -> Matrix {
        var inner = gates
        var flow = gradient
        var carried = [Float](repeating: 0, count: (steps.starts.count > 1 ? steps.starts[1] : 0) * width)
        let (width, steps, recurrent) = (width, steps, recurrent.value)
        inner.values.withUnsafeMutableBufferPointer { inner in
            flow.values.withUnsafeMutableBufferPointer { flow in
                carried.withUnsafeMutableBufferPointer { carried in
                    cells.values.withUnsafeBufferPointer { cells in
                        guard let inner = inner.baseAddress, let flow = flow.baseAddress,
                            let carried = carried.baseAddress, let cells = cells.baseAddress
                        else { return }
                        for step in stride(from: steps.count - 1, through: 0, by: -1) {
                            let start = steps.starts[step]
                            let last = step > 0 ? steps.starts[step - 1] : -1
                            let count = steps.starts[step + 1] - start
                            for place in 0..<count {
                                let row = start + place
                                RecurrentKernels.lstmBackward(
                                    gates: inner + row * 4 * width,
                                    before: last >= 0 ? cells + (last + place) * width : nil, cell: cells + row * width,
                                    gradient: flow + row * width, carried: carried + place * width, width: width)
                            }
                            if last >= 0 {
                                MatrixProduct.add(
                                    inner + start * 4 * width, recurrent, transposed: true, to: flow + last * width,
                                    rows: count)
                            }
                        }
                    }
                }
            }
        }
        gradients.add(input.name, MatrixProduct.of(x, transposed: true, inner))
        gradients.add(self.recurrent.name, MatrixProduct.of(steps.before(hidden), transposed: true, inner))
        gradients.add(bias.name, Kernels.columnSums(inner))
        return MatrixProduct.of(inner, input.value, secondTransposed: true)
    }
}
