import Glibc
import Tensors

/// Answers from a text's vector: link(W v + b), the link being softmax, the logistic function of each class alone, or
/// nothing.
struct SoftmaxPrediction: Sendable {
    /// What stands between scores and answers.
    enum Link: String, Hashable, Sendable {
        case softmax
        case sigmoid
        case identity
    }

    var parameters: [Parameter]
    let link: Link

    init(inputWidth: Int, classes: Int, link: Link = .softmax, seed: UInt64) {
        self.link = link
        parameters = [
            .glorot("predict.weight", inputWidth, classes, seed: seed), .zeros("predict.bias", 1, classes),
        ]
    }

    func forward(_ x: Matrix) -> (probabilities: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let weight = parameters[0].value
        var scores = MatrixProduct.of(x, weight)
        Kernels.addBias(&scores, parameters[1].value)
        switch link {
        case .softmax: Kernels.softmaxRows(&scores)
        case .sigmoid:
            for index in scores.values.indices { scores.values[index] = Kernels.sigmoid(scores.values[index]) }
        case .identity: break
        }
        // Takes gradients of the scores: link and loss together have a simpler one than each alone.
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
