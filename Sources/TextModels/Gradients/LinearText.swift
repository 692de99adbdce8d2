import Base

/// A text before a linear model: the target's probability as a function of how much of each n-gram is there. A row is an
/// n-gram of the text, of one value that is 1 at the text.
struct LinearText: DifferentiableText {
    private let model: LinearModel
    private let features: [Int32]
    private let target: Int
    let tokens: [TextToken]
    let tokensOfRow: [[Int]]

    init(_ model: LinearModel, tokens: [TextToken], target: Int) {
        self.model = model
        self.target = target
        self.tokens = tokens
        let found = model.vocabulary.occurrences(in: tokens.map(\.text)).sorted { $0.key < $1.key }
        features = found.map(\.key)
        tokensOfRow = found.map(\.value)
    }

    var width: Int { 1 }
    var vectors: [Double] { [Double](repeating: 1, count: features.count) }
    var layers: [LayerShape] { [LayerShape(name: "embed", rows: features.count, units: 1)] }

    func slopes(at points: [[Double]], through unit: (layer: Int, unit: Int)?) throws -> [Slope] {
        points.map { point in
            let scores = zip(model.weights, model.biases).map { row, bias in
                zip(features, point).reduce(Double(bias)) { $0 + $1.1 * Double(row[Int($1.0)]) }
            }
            let p = model.probabilities(scores)
            // d p(target) / d score(k) = p(target) (1[k = target] − p(k)).
            let outputs = model.weights.indices.map { output in
                let label = model.weights.count == 1 ? 1 : output
                return p[target] * ((label == target ? 1 : 0) - p[label])
            }
            return Slope(
                value: p[target],
                gradient: features.map { feature in
                    zip(outputs, model.weights).reduce(0) { $0 + $1.0 * Double($1.1[Int(feature)]) }
                })
        }
    }

    func layerSlopes(_ layer: Int, at points: [[Double]]) throws -> [LayerSlope] {
        try zip(points, slopes(at: points, through: nil)).map {
            LayerSlope(value: $1.value, activation: $0, gradient: $1.gradient)
        }
    }

    /// Of two classes, the rescale rule on the margin; of more, on each exponential and the reciprocal of their sum.
    func rescaleMultipliers(
        from reference: [Double]
    ) throws -> (multipliers: [Double], value: Double, base: Double) {
        let outputs = model.weights.count
        let weights = TapeValue(
            features.count, outputs, features.flatMap { feature in model.weights.map { Double($0[Int(feature)]) } })
        func run(_ point: [Double]) -> (tape: Tape, input: Tape.Node, output: Tape.Node) {
            var tape = Tape()
            let input = tape.given(TapeValue(1, features.count, point))
            let scores = tape.affine(input, weights, model.biases.map(Double.init))
            if outputs == 1 {
                let margin = target == 1 ? scores : tape.scale(scores, -1)
                let output = tape.apply(margin, .sigmoid)
                return (tape, input, output)
            }
            let own = tape.scale(tape.columns(scores, target..<target + 1), -1)
            var sum = tape.given(TapeValue(1, 1, [1]))
            for other in 0..<outputs where other != target {
                let gap = tape.add(tape.columns(scores, other..<other + 1), own)
                sum = tape.add(sum, tape.apply(gap, .exp))
            }
            let output = tape.apply(sum, .reciprocal)
            return (tape, input, output)
        }
        let (here, there) = (run(vectors), run(reference))
        let back = here.tape.back(from: here.output, to: here.input, reference: there.tape)
        return (back.start, here.tape[here.output].values[0], there.tape[there.output].values[0])
    }

    func attentionWeights() throws -> [Double]? { nil }
}
