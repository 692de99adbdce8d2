import Base
import Tensors

/// A network as an ONNX graph: sequences of words in a batch, filled up to the longest, every layer under a mask, so that
/// what is beyond a sequence's end never shows.
struct OnnxNetwork {
    typealias Value = OnnxGraph.Value

    let spec: ModelSpec
    let weights: [String: Matrix]
    let features: FeatureTable?
    let encoder: PretrainedEncoder?
    var graph = OnnxGraph()
    /// Sequences' lengths, and texts × words × 1: 1 for a word, 0 beyond the end.
    private var lengths = "lengths"
    private var mask = ""

    init(_ model: NetworkModel) {
        spec = model.spec
        weights = Dictionary(
            model.network.parameters.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        features = model.vocabulary.features
        encoder = model.network.encode as? PretrainedEncoder
    }

    private func weight(_ name: String) -> Matrix { weights[name] ?? Matrix(0, 0) }

    private func both(_ name: String) -> (weight: Matrix, bias: Matrix) {
        (weight(name + ".weight"), weight(name + ".bias"))
    }

    /// The parts of a block's attention.
    private func attention(_ name: String) -> [String: (weight: Matrix, bias: Matrix)] {
        Dictionary(
            uniqueKeysWithValues: ["query", "key", "value", "output"].map { ($0, both("\(name).attention.\($0)")) })
    }

    /// Builds the graph with inputs `ids` (or `rows`) and `lengths`, and the output `probabilities`.
    mutating func build(labels: [String]) {
        let sequences =
            switch spec.attend {
            case .hierarchical: "sentences"
            case .align: "2"
            default: "texts"
            }
        if features == nil {
            graph.input("ids", .integer, [sequences, "words"], about: "numbers of words; any number beyond the length")
        } else {
            graph.input(
                "rows", .integer, [sequences, "words", "rows"],
                about: "rows of the table for each word, filled up with the number of rows of the table")
        }
        graph.input("lengths", .integer, [sequences], about: "words of each sequence")
        let x = encoded(embedded())
        var vector = attended(x)
        for number in spec.predict.hidden.indices {
            let layer = both("predict.hidden.\(number)")
            vector = graph.add("Relu", [graph.dense(vector, layer.weight, layer.bias)])
        }
        let scores = graph.dense(vector, weight("predict.weight"), weight("predict.bias"))
        switch spec.predict.output {
        case .softmax: graph.add("Softmax", [scores], to: "probabilities", [("axis", .integer(-1))])
        case .sigmoid: graph.add("Sigmoid", [scores], to: "probabilities")
        case .regression: graph.add("Identity", [scores], to: "probabilities")
        }
        let texts = sequences == "texts" ? "texts" : "1"
        graph.output(
            "probabilities", .float, [texts, String(labels.count)], about: "in the order of the property 'labels'")
    }

    /// 0, 1, … along the words of a batch.
    private mutating func places(_ input: Value) -> Value {
        let shape = graph.add("Shape", [input])
        let count = graph.add("Gather", [shape, graph.integers([1], scalar: true)])
        return graph.add("Range", [graph.integers([0], scalar: true), count, graph.integers([1], scalar: true)])
    }

    /// Texts × words × 1: whether `places` stand in a relation to a number a text.
    private mutating func flags(_ relation: String, _ places: Value, _ numbers: Value) -> Value {
        let column = graph.add("Unsqueeze", [numbers, graph.integers([1])])
        let found = graph.add("Cast", [graph.add(relation, [places, column])], [("to", .integer(1))])
        return graph.add("Unsqueeze", [found, graph.integers([2])])
    }

    private mutating func embedded() -> Value {
        let input = features == nil ? "ids" : "rows"
        mask = flags("Less", places(input), "lengths")
        var table = weight("embed.words")
        let vectors: Value
        if let features {
            // One more row of zeros, which fills up.
            table = Matrix(
                rows: table.rows + 1, columns: table.columns,
                values: table.values + [Float](repeating: 0, count: table.columns))
            let all = graph.add("Gather", [graph.constant(table), "rows"])
            if case .multihash(_, let pieces) = features.kind {
                let parts = graph.reshaped(all, [0, 0, FeatureTable.attributes, FeatureTable.seeds, table.columns])
                let sums = graph.reshaped(
                    graph.sum(parts, axis: 3, isKept: false), [0, 0, FeatureTable.attributes * table.columns])
                let mixed = maxout(graph.dense(sums, both("embed.mix").weight, both("embed.mix").bias), pieces)
                vectors = graph.normalised(mixed, weight("embed.norm.scale"), weight("embed.norm.shift"), 1e-5)
            } else {
                let real = graph.add(
                    "Cast", [graph.add("Less", ["rows", graph.integers([table.rows - 1], scalar: true)])],
                    [("to", .integer(1))])
                let count = graph.add("Max", [graph.sum(real, axis: 2), graph.constant(1)])
                vectors = graph.add("Div", [graph.sum(all, axis: 2, isKept: false), count])
            }
        } else {
            vectors = graph.add("Gather", [graph.constant(table), "ids"])
        }
        return graph.times(positioned(vectors, input), mask)
    }

    private mutating func positioned(_ x: Value, _ input: Value) -> Value {
        guard case .words(let width, _, _) = spec.embed else { return x }
        switch spec.vectors.positions {
        case .none: return x
        case .learned:
            let table = weight("embed.positions")
            let last = graph.integers([table.rows - 1], scalar: true)
            let rows = graph.add("Min", [places(input), last])
            return graph.plus(x, graph.add("Gather", [graph.constant(table), rows]))
        case .waves:
            // sin and cos in turn: cos x is sin (x + π/2).
            let pairs = (0..<width).map { PositionedEncoder.frequency($0, width) }
            let quarter = (0..<width).map { Float($0 & 1 == 0 ? 0 : 1.5707964) }
            let place = graph.add(
                "Cast", [graph.add("Unsqueeze", [places(input), graph.integers([1])])], [("to", .integer(1))])
            let angle = graph.plus(graph.times(place, graph.constant(pairs, [width])), graph.constant(quarter, [width]))
            return graph.plus(x, graph.times(graph.add("Sin", [angle]), graph.constant(0.1)))
        }
    }

    private mutating func maxout(_ x: Value, _ pieces: Int) -> Value {
        // Pieces of a unit lie side by side: … × units × pieces.
        let split = graph.reshaped(x, [0, 0, -1, pieces])
        return graph.add("ReduceMax", [split], [("axes", .integers([3])), ("keepdims", .integer(0))])
    }

    private mutating func encoded(_ x: Value) -> Value {
        if let encoder { return pretrained(x, encoder.shape) }
        guard case .words(let width, _, _) = spec.embed else { return x }
        switch spec.encode {
        case .none: return x
        case .cnn(let window, let size):
            let hidden = graph.add(
                "Relu",
                [graph.convolution(x, weight("encode.weight"), weight("encode.bias"), window: window | 1)])
            return graph.times(size == width ? graph.plus(hidden, x) : hidden, mask)
        case .convolutions(let windows, _):
            let parts = windows.enumerated().map { number, window in
                let layer = both("encode.\(number)")
                return graph.add(
                    "Relu", [graph.convolution(x, layer.weight, layer.bias, window: window | 1)])
            }
            return graph.times(graph.add("Concat", parts, [("axis", .integer(2))]), mask)
        case .maxout(let window, let depth, let pieces):
            var current = x
            for number in 0..<depth {
                let layer = both("encode.\(number).maxout")
                let hidden = maxout(
                    graph.convolution(current, layer.weight, layer.bias, window: 2 * window + 1), pieces)
                let normal = graph.normalised(
                    hidden, weight("encode.\(number).norm.scale"), weight("encode.\(number).norm.shift"), 1e-5)
                current = graph.times(graph.plus(current, normal), mask)
            }
            return current
        case .bilstm(_, let layers), .bigru(_, let layers):
            var current = x
            for layer in 1...max(1, layers) {
                current = recurrent(current, "encode", layer == 1 ? "" : ".\(layer)", lengths: lengths)
                current = graph.times(current, mask)
            }
            return current
        case .transformer(let heads, let layers, _):
            var current = x
            for number in 0..<layers {
                let name = "encode.\(number)"
                let normal = norm(current, name + ".attention_norm", 1e-5)
                current = graph.plus(
                    current, graph.selfAttention(normal, mask: mask, heads: heads, attention(name)))
                current = graph.plus(current, feedForward(norm(current, name + ".inner_norm", 1e-5), name))
            }
            return graph.times(norm(current, "encode.norm", 1e-5), mask)
        }
    }

    private mutating func norm(_ x: Value, _ name: String, _ epsilon: Float) -> Value {
        graph.normalised(x, weight(name + ".scale"), weight(name + ".shift"), epsilon)
    }

    private mutating func feedForward(_ x: Value, _ name: String) -> Value {
        let (inner, outer) = (both(name + ".inner"), both(name + ".outer"))
        return graph.dense(graph.gelu(graph.dense(x, inner.weight, inner.bias)), outer.weight, outer.bias)
    }

    /// `[CLS]`, the pieces and `[SEP]`, through blocks that are normalised after each part.
    private mutating func pretrained(_ x: Value, _ shape: PretrainedEncoder.Shape) -> Value {
        let wide = graph.add("Pad", [x, graph.integers([0, 1, 0, 0, 1, 0])])
        let places = places(wide)
        let one = graph.integers([1], scalar: true)
        let end = graph.add("Add", ["lengths", one])
        let zero = graph.add("Mul", ["lengths", graph.integers([0], scalar: true)])
        let marks = weight("encode.marks")
        func mark(_ row: Int) -> Value {
            graph.constant(Array(marks.values[row * shape.width..<(row + 1) * shape.width]), [shape.width])
        }
        let begin = graph.times(flags("Equal", places, zero), mark(0))
        let stop = graph.times(flags("Equal", places, end), mark(1))
        let rows = graph.add("Min", [places, graph.integers([shape.places - 1], scalar: true)])
        let position = graph.add("Gather", [graph.constant(weight("encode.places")), rows])
        let kind = graph.constant(weight("encode.kind").values, [shape.width])
        mask = flags("LessOrEqual", places, end)
        lengths = graph.add("Add", [end, one])
        let sum = graph.plus(graph.plus(graph.plus(wide, begin), stop), graph.plus(position, kind))
        var current = norm(sum, "encode.norm", shape.epsilon)
        for layer in 0..<shape.layers {
            let name = "encode.\(layer)"
            let attended = graph.selfAttention(current, mask: mask, heads: shape.heads, attention(name))
            let first = norm(graph.plus(current, attended), name + ".attention_norm", shape.epsilon)
            current = norm(graph.plus(feedForward(first, name), first), name + ".inner_norm", shape.epsilon)
        }
        return graph.times(current, mask)
    }

    /// Both directions of an LSTM or of gated recurrent units side by side, by what the weights are.
    ///
    /// - Parameter lengths: of the sequences; nil: one sequence, words × 1 × inputs.
    private mutating func recurrent(_ x: Value, _ name: String, _ suffix: String, lengths: Value?) -> Value {
        let width = weight("\(name).forward.hidden\(suffix)").rows
        let isGated = weights["\(name).forward.hidden_bias\(suffix)"] != nil
        // ONNX's order of the gates: input, output, forget, candidate; update, reset, candidate.
        let order = isGated ? [1, 0, 2] : [0, 2, 1, 3]
        let gates = order.count
        func turned(_ matrix: Matrix) -> [Float] {
            order.flatMap { gate in
                (0..<width).flatMap { unit in (0..<matrix.rows).map { matrix[$0, gate * width + unit] } }
            }
        }
        var (input, hidden, bias): ([Float], [Float], [Float]) = ([], [], [])
        var inputs = 0
        for direction in ["forward", "backward"] {
            let own = weight("\(name).\(direction).input\(suffix)")
            inputs = own.rows
            input += turned(own)
            hidden += turned(weight("\(name).\(direction).hidden\(suffix)"))
            bias += turned(weight("\(name).\(direction).bias\(suffix)"))
            bias +=
                isGated
                ? turned(weight("\(name).\(direction).hidden_bias\(suffix)"))
                : [Float](repeating: 0, count: gates * width)
        }
        var arguments = [
            graph.transposed(x, [1, 0, 2]), graph.constant(input, [2, gates * width, inputs]),
            graph.constant(hidden, [2, gates * width, width]), graph.constant(bias, [2, 2 * gates * width]),
        ]
        if let lengths {
            // No sequence is shorter than one word there; the mask clears what an empty one gives.
            let long = graph.add("Max", [lengths, graph.integers([1], scalar: true)])
            arguments.append(graph.add("Cast", [long], [("to", .integer(6))]))
        }
        var attributes: [(String, OnnxGraph.Attribute)] = [
            ("hidden_size", .integer(width)), ("direction", .text("bidirectional")),
        ]
        if isGated { attributes.append(("linear_before_reset", .integer(1))) }
        let states = graph.add(isGated ? "GRU" : "LSTM", arguments, attributes)
        return graph.reshaped(graph.transposed(states, [2, 0, 1, 3]), [0, 0, 2 * width])
    }

    /// Σ α x over the words, α by the likeness to a context vector.
    private mutating func context(_ x: Value, _ name: String, mask: Value?) -> Value {
        let hidden = graph.add("Tanh", [graph.dense(x, weight(name + ".weight"), weight(name + ".bias"))])
        let alpha = graph.softmax(
            graph.product(hidden, graph.constant(weight(name + ".context"))), mask: mask, axis: 1)
        return graph.sum(graph.times(alpha, x), axis: 1, isKept: false)
    }

    private mutating func attended(_ x: Value) -> Value {
        let one = graph.integers([1], scalar: true)
        switch spec.attend {
        case .context: return context(x, "attend", mask: mask)
        case .mean:
            let count = graph.add("Max", [graph.sum(mask, axis: 1, isKept: false), graph.constant(1)])
            return graph.add("Div", [graph.sum(x, axis: 1, isKept: false), count])
        case .max:
            let far = graph.times(graph.add("Sub", [mask, graph.constant(1)]), graph.constant(1e30))
            let top = graph.add(
                "ReduceMax", [graph.plus(x, far)], [("axes", .integers([1])), ("keepdims", .integer(0))])
            let some = graph.add("Min", [graph.sum(mask, axis: 1, isKept: false), graph.constant(1)])
            return graph.times(top, some)
        case .last:
            let isLast = flags("Equal", places(x), graph.add("Sub", [lengths, one]))
            return graph.sum(graph.times(x, isLast), axis: 1, isKept: false)
        case .heads:
            let hidden = graph.add("Tanh", [graph.product(x, graph.constant(weight("attend.weight")))])
            let alpha = graph.softmax(
                graph.product(hidden, graph.constant(weight("attend.heads"))), mask: mask, axis: 1)
            let mixed = graph.product(graph.transposed(alpha, [0, 2, 1]), x)
            return graph.reshaped(mixed, [0, -1])
        case .hierarchical:
            let sentences = graph.add("Unsqueeze", [context(x, "attend.words", mask: mask), graph.integers([0])])
            return context(
                recurrent(sentences, "attend.sentences", "", lengths: nil), "attend.text", mask: nil)
        case .align: return aligned(x)
        }
    }

    private mutating func aligned(_ x: Value) -> Value {
        let (align, compare) = (both("attend.align"), both("attend.compare"))
        let states = graph.add("Relu", [graph.dense(x, align.weight, align.bias)])
        func part(_ graph: inout OnnxGraph, _ value: Value, _ side: Int) -> Value {
            graph.add("Gather", [value, graph.integers([side])], [("axis", .integer(0))])
        }
        let sums = [0, 1].map { side -> Value in
            let (own, other) = (part(&graph, x, side), part(&graph, x, 1 - side))
            let likeness = graph.product(
                part(&graph, states, side), graph.transposed(part(&graph, states, 1 - side), [0, 2, 1]))
            let across = graph.transposed(part(&graph, mask, 1 - side), [0, 2, 1])
            let mixed = graph.product(graph.softmax(likeness, mask: across, axis: -1), other)
            let joined = graph.add("Concat", [own, mixed], [("axis", .integer(2))])
            let compared = graph.add("Relu", [graph.dense(joined, compare.weight, compare.bias)])
            return graph.sum(graph.times(compared, part(&graph, mask, side)), axis: 1, isKept: false)
        }
        return graph.add("Concat", sums, [("axis", .integer(1))])
    }
}
