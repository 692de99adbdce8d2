import Glibc
import Tensors

/// Words weighed by their likeness to a learned context vector (Yang et al. 2016, section 2.2, equations 5 to 7):
/// u = tanh(W h + b), α = softmax(u · c) over the words of a text, v = Σ α h.
struct ContextAttention: AttendLayer {
    var parameters: [Parameter]

    init(inputWidth: Int, width: Int, seed: UInt64) {
        parameters = [
            .glorot("attend.weight", inputWidth, width, seed: seed), .zeros("attend.bias", 1, width),
            .glorot("attend.context", width, 1, seed: seed),
        ]
    }

    /// The weights α of all words, which sum to 1 over each text.
    func weights(_ x: Ragged) -> (hidden: Matrix, alpha: [Float]) {
        var hidden = MatrixProduct.of(x.matrix, parameters[0].value)
        Kernels.addBias(&hidden, parameters[1].value)
        Kernels.tanh(&hidden)
        var alpha = MatrixProduct.of(hidden, parameters[2].value).values
        ContextAttention.softmax(x, &alpha)
        return (hidden, alpha)
    }

    /// Scores of words to weights that sum to 1 over each text.
    static func softmax(_ x: Ragged, _ alpha: inout [Float]) {
        for sequence in 0..<x.count {
            let range = x.range(sequence)
            guard let top = alpha[range].max() else { continue }
            var sum: Float = 0
            for row in range {
                alpha[row] = expf(alpha[row] - top)
                sum += alpha[row]
            }
            for row in range { alpha[row] /= sum }
        }
    }

    /// The weighted sum of each text's words.
    static func pool(_ x: Ragged, _ alpha: [Float]) -> Matrix {
        let width = x.matrix.columns
        var output = Matrix(x.count, width)
        output.values.withUnsafeMutableBufferPointer { output in
            x.matrix.values.withUnsafeBufferPointer { source in
                for sequence in 0..<x.count {
                    for row in x.range(sequence) {
                        let share = alpha[row]
                        for column in 0..<width {
                            output[sequence * width + column] += share * source[row * width + column]
                        }
                    }
                }
            }
        }
        return output
    }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (hidden, alpha) = weights(x)
        let width = x.matrix.columns
        let output = ContextAttention.pool(x, alpha)
        let weight = parameters[0].value
        let context = parameters[2].value
        return (
            output,
            { gradient, gradients in
                var result = Matrix(x.matrix.rows, width)
                var scores = Matrix(x.matrix.rows, 1)
                ContextAttention.backward(x, alpha, gradient, &result, &scores)
                gradients.add("attend.context", MatrixProduct.of(hidden, transposed: true, scores))
                var inner = MatrixProduct.of(scores, context, secondTransposed: true)
                Kernels.tanhBackward(&inner, output: hidden)
                gradients.add("attend.weight", MatrixProduct.of(x.matrix, transposed: true, inner))
                gradients.add("attend.bias", Kernels.columnSums(inner))
                return MatrixProduct.of(inner, weight, secondTransposed: true, addingTo: result)
            }
        )
    }

    /// Gradients of the texts' vectors to those of the words' vectors and, through the softmax, of their scores.
    static func backward(
        _ x: Ragged, _ alpha: [Float], _ gradient: Matrix, _ result: inout Matrix, _ scores: inout Matrix
    ) {
        let width = x.matrix.columns
        result.values.withUnsafeMutableBufferPointer { result in
            scores.values.withUnsafeMutableBufferPointer { scores in
                x.matrix.values.withUnsafeBufferPointer { source in
                    gradient.values.withUnsafeBufferPointer { gradient in
                        for sequence in 0..<x.count {
                            let from = sequence * width
                            var mean: Float = 0
                            for row in x.range(sequence) {
                                let dot = Kernels.dot(source, row * width, gradient, from, width)
                                for column in 0..<width {
                                    result[row * width + column] = alpha[row] * gradient[from + column]
                                }
                                scores[row] = dot
                                mean += alpha[row] * dot
                            }
                            for row in x.range(sequence) { scores[row] = alpha[row] * (scores[row] - mean) }
                        }
                    }
                }
            }
        }
    }
}
