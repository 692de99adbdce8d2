import Glibc

/// The numerical steps layers share, besides products. Each has a plain version in `ReferenceKernels`.
public enum Kernels {
    /// Adds a row vector to every row.
    public static func addBias(_ x: inout Matrix, _ bias: Matrix) {
        let columns = x.columns
        x.values.withUnsafeMutableBufferPointer { x in
            bias.values.withUnsafeBufferPointer { bias in
                var start = 0
                while start < x.count {
                    for column in 0..<columns { x[start + column] += bias[column] }
                    start += columns
                }
            }
        }
    }

    /// Sums over rows: the gradient of a bias.
    public static func columnSums(_ x: Matrix) -> Matrix {
        var out = Matrix(1, x.columns)
        let columns = x.columns
        out.values.withUnsafeMutableBufferPointer { out in
            x.values.withUnsafeBufferPointer { x in
                var start = 0
                while start < x.count {
                    for column in 0..<columns { out[column] += x[start + column] }
                    start += columns
                }
            }
        }
        return out
    }

    /// max(0, x).
    public static func rectify(_ x: inout Matrix) {
        x.values.withUnsafeMutableBufferPointer { x in for index in x.indices { x[index] = max(0, x[index]) } }
    }

    /// Sets a gradient to 0 where the rectified output was 0.
    public static func rectifyBackward(_ gradient: inout Matrix, output: Matrix) {
        gradient.values.withUnsafeMutableBufferPointer { g in
            output.values.withUnsafeBufferPointer { y in for index in g.indices where y[index] <= 0 { g[index] = 0 } }
        }
    }

    /// Hyperbolic tangent of every element.
    public static func tanh(_ x: inout Matrix) {
        x.values.withUnsafeMutableBufferPointer { x in for index in x.indices { x[index] = fastTanh(x[index]) } }
    }

    /// tanh through one exponential; the absolute error is below 1e-7, which is what sums of products need.
    @inline(__always) public static func fastTanh(_ x: Float) -> Float {
        let e = expf(-2 * abs(x))
        let t = (1 - e) / (1 + e)
        return x < 0 ? -t : t
    }

    @inline(__always) public static func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }

    /// Softmax of every row, shifted by its largest element.
    public static func softmaxRows(_ x: inout Matrix) {
        let columns = x.columns
        x.values.withUnsafeMutableBufferPointer { x in
            for start in stride(from: 0, to: x.count, by: max(1, columns)) {
                softmax(UnsafeMutableBufferPointer(rebasing: x[start..<start + columns]))
            }
        }
    }

    static func softmax(_ row: UnsafeMutableBufferPointer<Float>) {
        guard var top = row.first else { return }
        for value in row { top = max(top, value) }
        var sum: Float = 0
        for index in row.indices {
            row[index] = expf(row[index] - top)
            sum += row[index]
        }
        for index in row.indices { row[index] /= sum }
    }

    /// Each row with its neighbours: row t becomes (x[t−h] … x[t] … x[t+h]), zero beyond the ends of its sequence.
    ///
    /// - Parameter window: an odd number of rows, 2h + 1.
    public static func windows(_ x: Ragged, window: Int) -> Matrix {
        let width = x.matrix.columns
        let half = window / 2
        var out = Matrix(x.matrix.rows, width * window)
        out.values.withUnsafeMutableBufferPointer { out in
            x.matrix.values.withUnsafeBufferPointer { source in
                for sequence in 0..<x.count {
                    let range = x.range(sequence)
                    for row in range {
                        for offset in -half...half where range.contains(row + offset) {
                            let to = (row * window + offset + half) * width
                            let from = (row + offset) * width
                            for column in 0..<width { out[to + column] = source[from + column] }
                        }
                    }
                }
            }
        }
        return out
    }

    /// Takes gradients of windows back to the rows they were made of.
    public static func windowsBackward(_ gradient: Matrix, offsets: [Int], window: Int) -> Matrix {
        let width = gradient.columns / window
        let half = window / 2
        var out = Matrix(gradient.rows, width)
        out.values.withUnsafeMutableBufferPointer { out in
            gradient.values.withUnsafeBufferPointer { source in
                for sequence in 0..<offsets.count - 1 {
                    let range = offsets[sequence]..<offsets[sequence + 1]
                    for row in range {
                        for offset in -half...half where range.contains(row + offset) {
                            let from = (row * window + offset + half) * width
                            let to = (row + offset) * width
                            for column in 0..<width { out[to + column] += source[from + column] }
                        }
                    }
                }
            }
        }
        return out
    }
}

/// The same steps by their definitions.
public enum ReferenceKernels {
    public static func softmaxRows(_ x: Matrix) -> Matrix {
        var out = x
        for row in 0..<x.rows {
            let powers = (0..<x.columns).map { exp(Double(x[row, $0])) }
            for column in 0..<x.columns { out[row, column] = Float(powers[column] / powers.reduce(0, +)) }
        }
        return out
    }

    public static func windows(_ x: Ragged, window: Int) -> Matrix {
        var out = Matrix(x.matrix.rows, x.matrix.columns * window)
        for sequence in 0..<x.count {
            for row in x.range(sequence) {
                for place in 0..<window {
                    let source = row + place - window / 2
                    guard x.range(sequence).contains(source) else { continue }
                    for column in 0..<x.matrix.columns {
                        out[row, place * x.matrix.columns + column] = x.matrix[source, column]
                    }
                }
            }
        }
        return out
    }
}
