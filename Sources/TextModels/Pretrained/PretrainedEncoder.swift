import Tensors

/// BERT's encoder behind the vectors of word pieces (Devlin et al. 2019): `[CLS]` and `[SEP]` are put around each text,
/// places and the text's type are added, then Transformer blocks normalised after each part.
///
/// The output has two rows more than the input for each text: those of `[CLS]` and `[SEP]`.
package struct PretrainedEncoder: EncodeLayer {
    /// The sizes of the network.
    package struct Shape: Hashable, Sendable {
        var width: Int
        var layers: Int
        var heads: Int
        var hidden: Int
        var places: Int
        var epsilon: Float

        package init(width: Int, layers: Int, heads: Int, hidden: Int, places: Int, epsilon: Float) {
            self.width = width
            self.layers = layers
            self.heads = heads
            self.hidden = hidden
            self.places = places
            self.epsilon = epsilon
        }
    }

    let shape: Shape
    /// Whether training leaves it as it is: then there is no way back through it.
    var isFrozen: Bool
    private var places: Parameter
    private var kind: Parameter
    /// `[CLS]` and `[SEP]`.
    private var marks: Parameter
    private var norm: LayerNormalisation
    private var blocks: [TransformerEncoder.Block]
    package var outputWidth: Int { shape.width }

    package init(_ shape: Shape, isFrozen: Bool) {
        self.shape = shape
        self.isFrozen = isFrozen
        places = .zeros("encode.places", shape.places, shape.width)
        kind = .zeros("encode.kind", 1, shape.width)
        marks = .zeros("encode.marks", 2, shape.width)
        norm = LayerNormalisation("encode.norm", width: shape.width, epsilon: shape.epsilon)
        blocks = (0..<shape.layers).map {
            TransformerEncoder.Block(
                "encode.\($0)", width: shape.width, heads: shape.heads, hidden: shape.hidden, epsilon: shape.epsilon,
                seed: 0)
        }
    }

    package var parameters: [Parameter] {
        get { [places, kind, marks, norm.scale, norm.shift] + blocks.flatMap(\.parameters) }
        set {
            (places, kind, marks) = (newValue[0], newValue[1], newValue[2])
            (norm.scale, norm.shift) = (newValue[3], newValue[4])
            let count = TransformerEncoder.Block.parameterCount
            for index in blocks.indices {
                blocks[index].parameters = Array(newValue[5 + count * index..<5 + count * (index + 1)])
            }
        }
    }

    package func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let width = shape.width
        let offsets = (0...x.count).map { x.offsets[$0] + 2 * $0 }
        var sum = Matrix(x.matrix.rows + 2 * x.count, width)
        for sequence in 0..<x.count {
            let count = x.range(sequence).count + 2
            for place in 0..<count {
                let to = (offsets[sequence] + place) * width
                let from = (x.offsets[sequence] + place - 1) * width
                let mark = place == 0 ? 0 : place == count - 1 ? 1 : -1
                let row = min(place, places.value.rows - 1) * width
                for column in 0..<width {
                    let own = mark < 0 ? x.matrix.values[from + column] : marks.value.values[mark * width + column]
                    sum.values[to + column] = own + places.value.values[row + column] + kind.value.values[column]
                }
            }
        }
        let (normal, normBack) = norm.forward(sum)
        var current = Ragged(normal, offsets: offsets, groups: x.groups)
        var backs: [(Matrix, inout Gradients) -> Matrix] = []
        for block in blocks {
            let (attended, attentionBack) = block.attention.forward(current)
            current.matrix.add(attended)
            let (first, firstBack) = block.attentionNorm.forward(current.matrix)
            let (hidden, innerBack) = block.inner.forward(first)
            var (outer, outerBack) = block.outer.forward(GELU.of(hidden))
            outer.add(first)
            let (second, secondBack) = block.innerNorm.forward(outer)
            current.matrix = second
            if isFrozen { continue }
            backs.append { gradient, gradients in
                var result = secondBack(gradient, &gradients)
                var inner = outerBack(result, &gradients)
                GELU.backward(&inner, input: hidden)
                result.add(innerBack(inner, &gradients))
                var before = firstBack(result, &gradients)
                before.add(attentionBack(before, &gradients))
                return before
            }
        }
        let (steps, rows, isFrozen, names) = (backs, x.matrix.rows, isFrozen, (places.name, kind.name, marks.name))
        let (spread, starts, placeRows) = (offsets, x.offsets, places.value.rows)
        return (
            current,
            { gradient, gradients in
                if isFrozen { return Matrix(rows, width) }
                var result = gradient
                for back in steps.reversed() { result = back(result, &gradients) }
                result = normBack(result, &gradients)
                var own = Matrix(rows, width)
                var placeSlopes = Matrix(placeRows, width)
                var markSlopes = Matrix(2, width)
                for sequence in 0..<starts.count - 1 {
                    let count = spread[sequence + 1] - spread[sequence]
                    for place in 0..<count {
                        let from = (spread[sequence] + place) * width
                        let row = min(place, placeRows - 1) * width
                        let to = (starts[sequence] + place - 1) * width
                        for column in 0..<width {
                            let slope = result.values[from + column]
                            placeSlopes.values[row + column] += slope
                            if place == 0 {
                                markSlopes.values[column] += slope
                            } else if place == count - 1 {
                                markSlopes.values[width + column] += slope
                            } else {
                                own.values[to + column] = slope
                            }
                        }
                    }
                }
                gradients.add(names.0, placeSlopes)
                gradients.add(names.1, Kernels.columnSums(result))
                gradients.add(names.2, markSlopes)
                return own
            }
        )
    }
}
