import Base
import Tensors

/// A network's run over one text on a tape, in double precision.
struct NetworkTape {
    private(set) var tape = Tape()
    let input: Tape.Node
    private(set) var encoded: Tape.Node
    private(set) var pooled: Tape.Node
    /// Scores of the classes before the softmax.
    private(set) var scores: Tape.Node
    /// The target's probability.
    private(set) var output: Tape.Node

    /// - Parameters:
    ///   - vectors: `width` values for each word.
    ///   - shifts: constants under the exponentials, the same in runs that are compared; nil: chosen here.
    /// - Throws: `invalidInput` when a layer has no version in double precision.
    init(_ network: Network, vectors: [Double], width: Int, target: Int, shifts: [Double]? = nil) throws {
        let rows = width == 0 ? 0 : vectors.count / width
        input = tape.given(TapeValue(rows, width, vectors))
        encoded = input
        pooled = input
        scores = input
        output = input
        self.shifts = shifts ?? []
        try encode(network.encode)
        try pool(network.attend)
        predict(network.predict, target: target)
    }

    /// The constant under the attention's exponentials.
    private(set) var shifts: [Double]

    private mutating func encode(_ layer: any EncodeLayer) throws {
        switch layer {
        case is IdentityEncoder: break
        case let layer as ConvolutionEncoder:
            let half = layer.window / 2
            let rows = tape[input].rows
            // The rows at each offset side by side are the windows.
            var windows = tape.rows(input, (0..<rows).map { $0 - half >= 0 ? $0 - half : -1 })
            for offset in (1 - half)..<(half + 1) where half > 0 {
                let shifted = tape.rows(input, (0..<rows).map { (0..<rows).contains($0 + offset) ? $0 + offset : -1 })
                windows = tape.beside(windows, shifted)
            }
            let sums = tape.affine(windows, TapeValue(layer.parameters[0].value), layer.parameters[1].value.doubles)
            encoded = tape.apply(sums, .rectify)
            if layer.inputWidth == layer.outputWidth { encoded = tape.add(encoded, input) }
        case let layer as BidirectionalLSTM:
            let parts = layer.parameters
            let ahead = pass(parts[0], parts[1], parts[2], isReversed: false)
            let back = pass(parts[3], parts[4], parts[5], isReversed: true)
            encoded = tape.beside(ahead, back)
        default:
            throw MLError(
                .invalidInput, "the encoder of this model is not known in double precision",
                hint: "use '--precision float', and another method than 'deeplift'")
        }
    }

    /// One direction of the recurrent network: gates input, forget, output, candidate side by side.
    private mutating func pass(
        _ inputWeight: Parameter, _ hiddenWeight: Parameter, _ bias: Parameter, isReversed: Bool
    ) -> Tape.Node {
        let width = hiddenWeight.value.rows
        let rows = tape[input].rows
        let driven = tape.affine(input, TapeValue(inputWeight.value), bias.value.doubles)
        let recurrent = TapeValue(hiddenWeight.value)
        let none = [Double](repeating: 0, count: 4 * width)
        var states = [Tape.Node](repeating: 0, count: rows)
        var hidden: Tape.Node?
        var cell: Tape.Node?
        for row in isReversed ? Array((0..<rows).reversed()) : Array(0..<rows) {
            var sums = tape.rows(driven, [row])
            if let hidden { sums = tape.add(sums, tape.affine(hidden, recurrent, none)) }
            func gate(_ number: Int, _ function: Tape.Function) -> Tape.Node {
                tape.apply(tape.columns(sums, number * width..<(number + 1) * width), function)
            }
            let (admit, keep, show) = (gate(0, .sigmoid), gate(1, .sigmoid), gate(2, .sigmoid))
            var next = tape.multiply(admit, gate(3, .tanh))
            if let cell { next = tape.add(next, tape.multiply(keep, cell)) }
            let shown = tape.multiply(show, tape.apply(next, .tanh))
            (hidden, cell) = (shown, next)
            states[row] = shown
        }
        return tape.stack(states, columns: width)
    }

    private mutating func pool(_ layer: any AttendLayer) throws {
        let rows = tape[encoded].rows
        switch layer {
        case is MeanAttention: pooled = tape.scale(tape.sumRows(encoded), 1 / Double(max(1, rows)))
        case is MaxAttention: pooled = tape.largest(encoded)
        case let layer as ContextAttention:
            guard rows > 0 else {
                pooled = tape.sumRows(encoded)
                return
            }
            let sums = tape.affine(encoded, TapeValue(layer.parameters[0].value), layer.parameters[1].value.doubles)
            let likeness = tape.affine(tape.apply(sums, .tanh), TapeValue(layer.parameters[2].value), [0])
            // Softmax does not change when all scores are shifted; exponentials stay in range.
            if shifts.isEmpty { shifts = [tape[likeness].values.max() ?? 0] }
            let shift = tape.given(TapeValue(rows, 1, [Double](repeating: -shifts[0], count: rows)))
            let powers = tape.apply(tape.add(likeness, shift), .exp)
            let scale = tape.apply(tape.sumRows(powers), .reciprocal)
            let weights = tape.multiply(tape.rows(scale, [Int](repeating: 0, count: rows)), powers)
            pooled = tape.sumRows(tape.multiply(weights, encoded))
        default:
            throw MLError(
                .invalidInput, "the attention of this model is not known in double precision",
                hint: "use '--precision float', and another method than 'deeplift'")
        }
    }

    /// p = 1/(1 + Σ exp(sₖ − sₜ)) over the other classes: functions of one number and sums alone. Where a text has several
    /// labels, or a number, the others do not matter.
    private mutating func predict(_ layer: SoftmaxPrediction, target: Int) {
        scores = tape.affine(pooled, TapeValue(layer.parameters[0].value), layer.parameters[1].value.doubles)
        let classes = tape[scores].columns
        let own = tape.columns(scores, target..<target + 1)
        switch layer.link {
        case .softmax: break
        case .sigmoid:
            output = tape.apply(own, .sigmoid)
            return
        case .identity:
            output = own
            return
        }
        let against = (0..<classes).filter { $0 != target }.map { other in
            tape.add(tape.columns(scores, other..<other + 1), tape.scale(own, -1))
        }
        if against.count == 1 {
            output = tape.apply(tape.scale(against[0], -1), .sigmoid)
            return
        }
        var sum = tape.given(TapeValue(1, 1, [1]))
        for other in against { sum = tape.add(sum, tape.apply(other, .exp)) }
        output = tape.apply(sum, .reciprocal)
    }

    var value: Double { tape[output].values[0] }
}

extension TapeValue {
    init(_ matrix: Matrix) { self.init(matrix.rows, matrix.columns, matrix.doubles) }
}

extension Matrix {
    var doubles: [Double] { values.map(Double.init) }
}
