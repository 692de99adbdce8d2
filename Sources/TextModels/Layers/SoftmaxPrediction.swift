import Glibc
import Tensors

/// Class probabilities from a text's vector: softmax(W v + b).
struct SoftmaxPrediction: Sendable {
    var parameters: [Parameter]

    init(inputWidth: Int, classes: Int, seed: UInt64) {
        parameters = [
            .glorot("predict.weight", inputWidth, classes, seed: seed), .zeros("predict.bias", 1, classes),
        ]
    }

    func forward(_ x: Matrix) -> (probabilities: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let weight = parameters[0].value
        var scores = MatrixProduct.of(x, weight)
        Kernels.addBias(&scores, parameters[1].value)
        Kernels.softmaxRows(&scores)
        // Takes gradients of the scores: softmax and cross entropy together have a simpler one than each alone.
        return (
            scores,
            { gradient, gradients in
                gradients.add("predict.weight", MatrixProduct.of(x, transposed: true, gradient))
                gradients.add("predict.bias", Kernels.columnSums(gradient))
                return MatrixProduct.of(gradient, weight, secondTransposed: true)
            }
        )
    }
}
