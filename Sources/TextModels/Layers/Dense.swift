import Tensors

/// x W + b.
struct Dense: Sendable {
    var weight: Parameter
    var bias: Parameter

    init(_ name: String, _ inputs: Int, _ outputs: Int, seed: UInt64) {
        weight = .glorot(name + ".weight", inputs, outputs, seed: seed)
        bias = .zeros(name + ".bias", 1, outputs)
    }

    var parameters: [Parameter] {
        get { [weight, bias] }
        set { (weight, bias) = (newValue[0], newValue[1]) }
    }

    func forward(_ x: Matrix) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        var output = MatrixProduct.of(x, weight.value)
        Kernels.addBias(&output, bias.value)
        let (weight, bias) = (weight, bias)
        return (
            output,
            { gradient, gradients in
                gradients.add(weight.name, MatrixProduct.of(x, transposed: true, gradient))
                gradients.add(bias.name, Kernels.columnSums(gradient))
                return MatrixProduct.of(gradient, weight.value, secondTransposed: true)
            }
        )
    }
}
