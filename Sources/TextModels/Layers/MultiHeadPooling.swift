import Tensors

/// Several learned weightings of the same words, side by side (Lin et al. 2017, "A structured self-attentive sentence
/// embedding", equations 5 and 6): A = softmax(tanh(H W) U), M = Aᵀ H.
struct MultiHeadPooling: AttendLayer {
    var parameters: [Parameter]
    let heads: Int

    init(inputWidth: Int, width: Int, heads: Int, seed: UInt64) {
        self.heads = heads
        parameters = [
            .glorot("attend.weight", inputWidth, width, seed: seed), .glorot("attend.heads", width, heads, seed: seed),
        ]
    }

    func outputWidth(_ input: Int) -> Int { input * heads }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        var hidden = MatrixProduct.of(x.matrix, parameters[0].value)
        Kernels.tanh(&hidden)
        let scores = MatrixProduct.of(hidden, parameters[1].value)
        let width = x.matrix.columns
        var output = Matrix(x.count, heads * width)
        // Words × heads, each column a softmax over the words: kept as heads × words.
        var alphas: [Matrix] = []
        for sequence in 0..<x.count {
            let range = x.range(sequence)
            var alpha = Matrix(heads, range.count)
            for head in 0..<heads {
                for (place, row) in range.enumerated() { alpha[head, place] = scores[row, head] }
            }
            Kernels.softmaxRows(&alpha)
            let mixed = MatrixProduct.of(alpha, Block.cut(x.matrix, range, 0..<width))
            for index in mixed.values.indices { output.values[sequence * heads * width + index] = mixed.values[index] }
            alphas.append(alpha)
        }
        let (kept, parameters, heads, states) = (alphas, parameters, heads, hidden)
        return (
            output,
            { gradient, gradients in
                var result = Matrix(x.matrix.rows, width)
                var dScores = Matrix(x.matrix.rows, heads)
                for sequence in 0..<x.count {
                    let range = x.range(sequence)
                    let slope = Matrix(
                        rows: heads, columns: width,
                        values: Array(gradient.values[sequence * heads * width..<(sequence + 1) * heads * width]))
                    let alpha = kept[sequence]
                    Block.paste(
                        MatrixProduct.of(alpha, transposed: true, slope), into: &result, range, 0..<width)
                    var inner = MatrixProduct.of(slope, Block.cut(x.matrix, range, 0..<width), secondTransposed: true)
                    Block.softmaxBackward(&inner, alpha)
                    for head in 0..<heads {
                        for (place, row) in range.enumerated() { dScores[row, head] = inner[head, place] }
                    }
                }
                gradients.add(parameters[1].name, MatrixProduct.of(states, transposed: true, dScores))
                var inner = MatrixProduct.of(dScores, parameters[1].value, secondTransposed: true)
                for index in inner.values.indices {
                    inner.values[index] *= 1 - states.values[index] * states.values[index]
                }
                gradients.add(parameters[0].name, MatrixProduct.of(x.matrix, transposed: true, inner))
                return MatrixProduct.of(inner, parameters[0].value, secondTransposed: true, addingTo: result)
            }
        )
    }
}
