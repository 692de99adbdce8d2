import Tensors

/// The largest of several linear functions (Goodfellow et al. 2013, equation 2).
struct Maxout: Sendable {
    var dense: Dense
    let pieces: Int

    init(_ name: String, _ inputs: Int, _ outputs: Int, pieces: Int, seed: UInt64) {
        self.pieces = pieces
        dense = Dense(name, inputs, outputs * pieces, seed: seed)
    }

    func forward(_ x: Matrix) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (all, back) = dense.forward(x)
        let width = all.columns / pieces
        var output = Matrix(all.rows, width)
        var winners = [Int](repeating: 0, count: all.rows * width)
        for index in output.values.indices {
            // The pieces of a unit lie side by side; the first of equals wins.
            var best = index * pieces
            for place in best + 1..<best + pieces where all.values[place] > all.values[best] { best = place }
            output.values[index] = all.values[best]
            winners[index] = best
        }
        let (rows, columns) = (all.rows, all.columns)
        return (
            output,
            { gradient, gradients in
                var inner = Matrix(rows, columns)
                for (index, winner) in winners.enumerated() { inner.values[winner] = gradient.values[index] }
                return back(inner, &gradients)
            }
        )
    }
}
