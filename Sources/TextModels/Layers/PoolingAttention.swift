import Tensors

/// The mean of a sequence's vectors.
struct MeanAttention: AttendLayer {
    var parameters: [Parameter] = []

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let width = x.matrix.columns
        var output = Matrix(x.count, width)
        for sequence in 0..<x.count {
            let range = x.range(sequence)
            for row in range {
                for column in 0..<width { output[sequence, column] += x.matrix[row, column] / Float(range.count) }
            }
        }
        return (
            output,
            { gradient, _ in
                var result = Matrix(x.matrix.rows, width)
                for sequence in 0..<x.count {
                    let range = x.range(sequence)
                    for row in range {
                        for column in 0..<width {
                            result[row, column] = gradient[sequence, column] / Float(range.count)
                        }
                    }
                }
                return result
            }
        )
    }
}

/// The largest value of each column of a sequence; the first of equals takes the gradient.
struct MaxAttention: AttendLayer {
    var parameters: [Parameter] = []

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let width = x.matrix.columns
        var output = Matrix(x.count, width)
        var winners = [Int](repeating: -1, count: x.count * width)
        for sequence in 0..<x.count {
            for row in x.range(sequence) {
                for column in 0..<width {
                    let place = sequence * width + column
                    if winners[place] < 0 || x.matrix[row, column] > output[sequence, column] {
                        output[sequence, column] = x.matrix[row, column]
                        winners[place] = row
                    }
                }
            }
        }
        return (
            output,
            { gradient, _ in
                var result = Matrix(x.matrix.rows, width)
                for (place, row) in winners.enumerated() where row >= 0 {
                    result[row, place % width] += gradient.values[place]
                }
                return result
            }
        )
    }
}
