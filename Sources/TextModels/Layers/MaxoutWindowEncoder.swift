import Tensors

/// Maxout over a window of words, normalised and added to its input, several times over: each layer sees one window
/// further (spaCy's `MaxoutWindowEncoder`; Honnibal & Montani 2017).
struct MaxoutWindowEncoder: EncodeLayer {
    private var blocks: [(maxout: Maxout, norm: LayerNormalisation)]
    private let window: Int
    let outputWidth: Int

    /// - Parameters:
    ///   - window: words on each side.
    ///   - depth: how many layers.
    init(window: Int, width: Int, depth: Int, pieces: Int, seed: UInt64) {
        self.window = 2 * window + 1
        outputWidth = width
        let size = self.window * width
        blocks = (0..<depth).map { number in
            (
                Maxout("encode.\(number).maxout", size, width, pieces: pieces, seed: seed),
                LayerNormalisation("encode.\(number).norm", width: width)
            )
        }
    }

    var parameters: [Parameter] {
        get { blocks.flatMap { $0.maxout.dense.parameters + [$0.norm.scale, $0.norm.shift] } }
        set {
            for index in blocks.indices {
                blocks[index].maxout.dense.parameters = Array(newValue[(4 * index)..<(4 * index + 2)])
                blocks[index].norm.scale = newValue[4 * index + 2]
                blocks[index].norm.shift = newValue[4 * index + 3]
            }
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        var current = x.matrix
        var backs: [(Matrix, inout Gradients) -> Matrix] = []
        let window = window
        for block in blocks {
            let (hidden, maxoutBack) = block.maxout.forward(Kernels.windows(x.with(current), window: window))
            let (normal, normBack) = block.norm.forward(hidden)
            current.add(normal)
            backs.append { gradient, gradients in
                let inner = maxoutBack(normBack(gradient, &gradients), &gradients)
                var result = Kernels.windowsBackward(inner, offsets: x.offsets, window: window)
                result.add(gradient)
                return result
            }
        }
        let steps = backs
        return (
            x.with(current),
            { gradient, gradients in
                var result = gradient
                for back in steps.reversed() { result = back(result, &gradients) }
                return result
            }
        )
    }
}
