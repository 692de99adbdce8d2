import Tensors

/// The vector of a sequence's last word.
struct LastAttention: AttendLayer {
    var parameters: [Parameter] = []

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let width = x.matrix.columns
        var output = Matrix(x.count, width)
        for sequence in 0..<x.count {
            guard let last = x.range(sequence).last else { continue }
            for column in 0..<width { output[sequence, column] = x.matrix[last, column] }
        }
        return (
            output,
            { gradient, _ in
                var result = Matrix(x.matrix.rows, width)
                for sequence in 0..<x.count {
                    guard let last = x.range(sequence).last else { continue }
                    for column in 0..<width { result[last, column] = gradient[sequence, column] }
                }
                return result
            }
        )
    }
}
