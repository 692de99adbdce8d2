import Tensors

/// Transformer blocks, normalised before each part (Vaswani et al. 2017; "pre-norm" as in Xiong et al. 2020, figure 1b):
/// x + attention(norm(x)), then x + feed-forward(norm(x)) with GELU between two linear maps; one more norm at the end.
struct TransformerEncoder: EncodeLayer {
    struct Block: Sendable {
        var attention: SelfAttention
        var attentionNorm: LayerNormalisation
        var inner: Dense
        var outer: Dense
        var innerNorm: LayerNormalisation

        init(_ name: String, width: Int, heads: Int, hidden: Int, epsilon: Float = 1e-5, seed: UInt64) {
            attention = SelfAttention(name + ".attention", width: width, heads: heads, seed: seed)
            attentionNorm = LayerNormalisation(name + ".attention_norm", width: width, epsilon: epsilon)
            inner = Dense(name + ".inner", width, hidden, seed: seed)
            outer = Dense(name + ".outer", hidden, width, seed: seed)
            innerNorm = LayerNormalisation(name + ".inner_norm", width: width, epsilon: epsilon)
        }

        static let parameterCount = 16

        var parameters: [Parameter] {
            get {
                attention.parameters + [attentionNorm.scale, attentionNorm.shift] + inner.parameters + outer.parameters
                    + [innerNorm.scale, innerNorm.shift]
            }
            set {
                attention.parameters = Array(newValue[0..<8])
                (attentionNorm.scale, attentionNorm.shift) = (newValue[8], newValue[9])
                inner.parameters = Array(newValue[10..<12])
                outer.parameters = Array(newValue[12..<14])
                (innerNorm.scale, innerNorm.shift) = (newValue[14], newValue[15])
            }
        }
    }

    private var blocks: [Block]
    private var norm: LayerNormalisation
    let outputWidth: Int

    /// - Parameters:
    ///   - heads: divides `width`.
    ///   - hidden: units between the two linear maps.
    init(width: Int, heads: Int, layers: Int, hidden: Int, seed: UInt64) {
        outputWidth = width
        blocks = (0..<layers).map { Block("encode.\($0)", width: width, heads: heads, hidden: hidden, seed: seed) }
        norm = LayerNormalisation("encode.norm", width: width)
    }

    var parameters: [Parameter] {
        get { blocks.flatMap(\.parameters) + [norm.scale, norm.shift] }
        set {
            let count = Block.parameterCount
            for index in blocks.indices {
                blocks[index].parameters = Array(newValue[count * index..<count * (index + 1)])
            }
            (norm.scale, norm.shift) = (newValue[count * blocks.count], newValue[count * blocks.count + 1])
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        var current = x.matrix
        var backs: [(Matrix, inout Gradients) -> Matrix] = []
        for block in blocks {
            let (normal, normBack) = block.attentionNorm.forward(current)
            let (attended, attentionBack) = block.attention.forward(x.with(normal))
            current.add(attended)
            let (second, secondBack) = block.innerNorm.forward(current)
            let (hidden, innerBack) = block.inner.forward(second)
            let (outer, outerBack) = block.outer.forward(GELU.of(hidden))
            current.add(outer)
            backs.append { gradient, gradients in
                var inner = outerBack(gradient, &gradients)
                GELU.backward(&inner, input: hidden)
                var result = secondBack(innerBack(inner, &gradients), &gradients)
                result.add(gradient)
                let attention = normBack(attentionBack(result, &gradients), &gradients)
                result.add(attention)
                return result
            }
        }
        let (output, lastBack) = norm.forward(current)
        let steps = backs
        return (
            x.with(output),
            { gradient, gradients in
                var result = lastBack(gradient, &gradients)
                for back in steps.reversed() { result = back(result, &gradients) }
                return result
            }
        )
    }
}

/// x Φ(x) with the normal distribution Φ (Hendrycks & Gimpel 2016).
enum GELU {
    static func of(_ x: Matrix) -> Matrix {
        var out = x
        Kernels.gelu(&out)
        return out
    }

    /// Multiplies a gradient by the slope at the input.
    static func backward(_ gradient: inout Matrix, input: Matrix) { Kernels.geluBackward(&gradient, input: input) }
}
