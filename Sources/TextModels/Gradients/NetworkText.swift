import Base
import Tensors

/// A text before a network: the target's probability as a function of the word vectors.
struct NetworkText: DifferentiableText {
    let network: Network
    /// The sequences the text falls into.
    let layout: Network.Layout
    let tokens: [TextToken]
    let tokensOfRow: [[Int]]
    let width: Int
    let vectors: [Double]
    let target: Int
    let precision: Precision

    /// Most rows of word vectors in one run: memory stays small for any number of points.
    private static let rowsPerRun = 8192

    var layers: [LayerShape] {
        let rows = tokensOfRow.count
        return [
            LayerShape(name: "embed", rows: rows, units: width),
            LayerShape(name: "encode", rows: rows, units: network.encode.outputWidth),
            LayerShape(name: "attend", rows: nil, units: network.attend.outputWidth(network.encode.outputWidth)),
            LayerShape(name: "predict", rows: nil, units: network.predict.parameters[1].value.columns),
        ]
    }

    func slopes(at points: [[Double]], through unit: (layer: Int, unit: Int)?) throws -> [Slope] {
        try run(points, layer: nil, through: unit).map { Slope(value: $0.value, gradient: $0.gradient) }
    }

    func layerSlopes(_ layer: Int, at points: [[Double]]) throws -> [LayerSlope] {
        try run(points, layer: layer, through: nil)
    }

    func attentionWeights() throws -> [Double]? {
        guard let attention = network.attend as? ContextAttention else { return nil }
        let encoded = network.encode.forward(stacked([vectors])).output
        return attention.weights(encoded).alpha.map(Double.init)
    }

    func rescaleMultipliers(
        from reference: [Double]
    ) throws -> (multipliers: [Double], value: Double, base: Double) {
        let here = try NetworkTape(network, vectors: vectors, width: width, target: target)
        let there = try NetworkTape(
            network, vectors: reference, width: width, target: target, shifts: here.shifts)
        let back = here.tape.back(from: here.output, to: here.input, reference: there.tape)
        return (back.start, here.value, there.value)
    }

    /// - Parameters:
    ///   - layer: whose activations and gradients are returned; nil: the gradient at the input.
    ///   - unit: the only one the gradient flows through.
    private func run(_ points: [[Double]], layer: Int?, through unit: (layer: Int, unit: Int)?) throws -> [LayerSlope] {
        if precision == .double { return try points.map { try precise($0, layer: layer, through: unit) } }
        let together = max(1, NetworkText.rowsPerRun / max(1, tokensOfRow.count))
        let starts = Array(stride(from: 0, to: points.count, by: together))
        return try parallelMap(count: starts.count) { part in
            fast(Array(points[starts[part]..<min(starts[part] + together, points.count)]), layer, unit)
        }.flatMap { $0 }
    }

    private func stacked(_ points: [[Double]]) -> Ragged {
        let sequences = layout.offsets.count - 1
        return Ragged(
            Matrix(
                rows: points.count * tokensOfRow.count, columns: width, values: points.joined().map { Float($0) }),
            offsets: [0]
                + points.indices.flatMap { copy in layout.offsets.dropFirst().map { copy * tokensOfRow.count + $0 } },
            groups: layout.groups == nil ? nil : (0...points.count).map { $0 * sequences })
    }

    private func fast(_ points: [[Double]], _ layer: Int?, _ unit: (layer: Int, unit: Int)?) -> [LayerSlope] {
        let input = stacked(points)
        let (encoded, encodeBack) = network.encode.forward(input)
        let (pooled, attendBack) = network.attend.forward(encoded)
        let (probabilities, predictBack) = network.predict.forward(pooled)
        let scores = layer == 3 ? network.predict.scores(pooled) : probabilities
        var gradient = network.predict.slopes(probabilities, target: target)
        var unused = Gradients(wantsWeights: false)
        var activation = scores
        for stage in [3, 2, 1, 0] {
            switch stage {
            case 2: (gradient, activation) = (predictBack(gradient, &unused), pooled)
            case 1: (gradient, activation) = (attendBack(gradient, &unused), encoded.matrix)
            case 0: (gradient, activation) = (encodeBack(gradient, &unused), input.matrix)
            default: break
            }
            if let unit, unit.layer == stage { gradient.keepColumn(unit.unit) }
            if stage == layer { break }
        }
        let size = points.isEmpty ? 0 : gradient.values.count / points.count
        // A pretrained encoder adds a mark at each end, which stand for no word.
        let marks = layer == 1 && size > tokensOfRow.count * gradient.columns ? gradient.columns : 0
        return points.indices.map { point in
            let values = point * size + marks..<(point + 1) * size - marks
            return LayerSlope(
                value: Double(probabilities[point, target]), activation: activation.values[values].map(Double.init),
                gradient: gradient.values[values].map(Double.init))
        }
    }

    private func precise(_ point: [Double], layer: Int?, through unit: (layer: Int, unit: Int)?) throws -> LayerSlope {
        let run = try NetworkTape(network, vectors: point, width: width, target: target)
        let nodes = [run.input, run.encoded, run.pooled, run.scores]
        let watched = nodes[layer ?? 0]
        let slopes = run.tape.back(from: run.output, to: run.input, watched: watched) { node, gradient in
            guard let unit, nodes[unit.layer] == node else { return }
            let columns = run.tape[node].columns
            for index in gradient.indices where index % columns != unit.unit { gradient[index] = 0 }
        }
        return LayerSlope(
            value: run.value, activation: run.tape[watched].values,
            gradient: layer == nil ? slopes.start : slopes.watched)
    }
}

extension Matrix {
    /// Sets all other columns to 0.
    fileprivate mutating func keepColumn(_ kept: Int) {
        for index in values.indices where index % columns != kept { values[index] = 0 }
    }
}

extension SoftmaxPrediction {
    /// Gradients of the target's answer by the scores, a row a text.
    func slopes(_ answers: Matrix, target: Int) -> Matrix {
        var gradient = Matrix(answers.rows, answers.columns)
        for row in 0..<answers.rows {
            let p = answers[row, target]
            switch link {
            case .softmax:
                // d p(target) / d score(k) = p(target) (1[k = target] − p(k)).
                for label in 0..<answers.columns {
                    gradient[row, label] = p * ((label == target ? 1 : 0) - answers[row, label])
                }
            case .sigmoid: gradient[row, target] = p * (1 - p)
            case .identity: gradient[row, target] = 1
            }
        }
        return gradient
    }

    /// What the link is taken of.
    func scores(_ x: Matrix) -> Matrix {
        var scores = MatrixProduct.of(x, parameters[0].value)
        Kernels.addBias(&scores, parameters[1].value)
        return scores
    }
}
