import Tensors

/// One convolution over a window of words, rectified; added to its input where the widths agree (a residual connection).
struct ConvolutionEncoder: EncodeLayer {
    var parameters: [Parameter]
    let window: Int
    let inputWidth: Int
    let outputWidth: Int

    init(window: Int, inputWidth: Int, outputWidth: Int, seed: UInt64) {
        // An even window has no middle word; the next odd one has.
        self.window = window | 1
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        parameters = [
            .glorot("encode.weight", self.window * inputWidth, outputWidth, seed: seed),
            .zeros("encode.bias", 1, outputWidth),
        ]
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let windows = Kernels.windows(x, window: window)
        let weight = parameters[0].value
        var hidden = MatrixProduct.of(windows, weight)
        Kernels.addBias(&hidden, parameters[1].value)
        Kernels.rectify(&hidden)
        var output = hidden
        let isResidual = inputWidth == outputWidth
        if isResidual { output.add(x.matrix) }
        return (
            x.with(output),
            { gradient, gradients in
                var inner = gradient
                Kernels.rectifyBackward(&inner, output: hidden)
                gradients.add("encode.weight", MatrixProduct.of(windows, transposed: true, inner))
                gradients.add("encode.bias", Kernels.columnSums(inner))
                let back = MatrixProduct.of(inner, weight, secondTransposed: true)
                var result = Kernels.windowsBackward(back, offsets: x.offsets, window: window)
                if isResidual { result.add(gradient) }
                return result
            }
        )
    }
}

/// Words as they are, without their neighbours.
struct IdentityEncoder: EncodeLayer {
    var parameters: [Parameter] = []
    let outputWidth: Int

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        (x, { gradient, _ in gradient })
    }
}
