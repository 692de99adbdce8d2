import Tensors

/// The mean of a sequence's vectors.
struct MeanAttention: AttendLayer {
    var parameters: [Parameter] = []

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let width = x.matrix.columns
        var output = Matrix(x.count, width)
        output.values.withUnsafeMutableBufferPointer { output in
            x.matrix.values.withUnsafeBufferPointer { source in
                for sequence in 0..<x.count {
                    let range = x.range(sequence)
                    let share = 1 / Float(max(1, range.count))
                    for row in range {
                        for column in 0..<width {
                            output[sequence * width + column] += share * source[row * width + column]
                        }
                    }
                }
            }
        }
        return (
            output,
            { gradient, _ in
                var result = Matrix(x.matrix.rows, width)
                result.values.withUnsafeMutableBufferPointer { result in
                    gradient.values.withUnsafeBufferPointer { gradient in
                        for sequence in 0..<x.count {
                            let range = x.range(sequence)
                            let share = 1 / Float(max(1, range.count))
                            for row in range {
                                for column in 0..<width {
                                    result[row * width + column] = share * gradient[sequence * width + column]
                                }
                            }
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
        var winners = [Int32](repeating: -1, count: x.count * width)
        output.values.withUnsafeMutableBufferPointer { output in
            winners.withUnsafeMutableBufferPointer { winners in
                x.matrix.values.withUnsafeBufferPointer { source in
                    for sequence in 0..<x.count {
                        let (range, to) = (x.range(sequence), sequence * width)
                        guard let first = range.first else { continue }
                        for column in 0..<width {
                            output[to + column] = source[first * width + column]
                            winners[to + column] = Int32(first)
                        }
                        for row in range.dropFirst() {
                            let from = row * width
                            for column in 0..<width {
                                // No branches: the winner changes rarely, but nobody knows when.
                                let isLarger = source[from + column] > output[to + column]
                                output[to + column] = isLarger ? source[from + column] : output[to + column]
                                winners[to + column] = isLarger ? Int32(row) : winners[to + column]
                            }
                        }
                    }
                }
            }
        }
        let kept = winners
        return (
            output,
            { gradient, _ in
                var result = Matrix(x.matrix.rows, width)
                for (place, row) in kept.enumerated() where row >= 0 {
                    result[Int(row), place % width] += gradient.values[place]
                }
                return result
            }
        )
    }
}
