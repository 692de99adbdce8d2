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
        x.values.withUnsafeMutableBufferPointer { x in
            guard let at = x.baseAddress else { return }
            forEachVector(at, x.count) { x, _ in VectorFunctions.tanh(x) }
        }
    }

    /// Multiplies a gradient by 1 − y², the slope of the hyperbolic tangent whose value is y.
    public static func tanhBackward(_ gradient: inout Matrix, output: Matrix) {
        gradient.values.withUnsafeMutableBufferPointer { g in
            output.values.withUnsafeBufferPointer { y in for index in g.indices { g[index] *= 1 - y[index] * y[index] }
            }
        }
    }

    /// Multiplies element by element.
    public static func multiply(_ x: inout Matrix, _ factors: Matrix) {
        precondition(x.values.count == factors.values.count, "shapes differ")
        x.values.withUnsafeMutableBufferPointer { x in
            factors.values.withUnsafeBufferPointer { y in for index in x.indices { x[index] *= y[index] } }
        }
    }

    /// The inner product of `count` elements of two rows, in eight sums.
    @inline(__always)
    public static func dot(
        _ a: UnsafeBufferPointer<Float>, _ from: Int, _ b: UnsafeBufferPointer<Float>, _ start: Int, _ count: Int
    ) -> Float {
        guard count > 0, let a = a.baseAddress, let b = b.baseAddress else { return 0 }
        var sum = RecurrentKernels.Vector(repeating: 0)
        for column in stride(from: 0, to: count, by: 8) {
            let lanes = min(8, count - column)
            sum += RecurrentKernels.load(a + from + column, lanes) * RecurrentKernels.load(b + start + column, lanes)
        }
        return sum.sum()
    }

    /// The sum of `count` elements of a row, in eight sums.
    @inline(__always)
    public static func sum(_ a: UnsafeBufferPointer<Float>, _ from: Int, _ count: Int) -> Float {
        guard count > 0, let a = a.baseAddress else { return 0 }
        var sum = RecurrentKernels.Vector(repeating: 0)
        for column in stride(from: 0, to: count, by: 8) {
            sum += RecurrentKernels.load(a + from + column, min(8, count - column))
        }
        return sum.sum()
    }

    /// Shifts and scales each row to mean 0 and variance 1.
    ///
    /// - Parameter epsilon: added to the variance.
    /// - Returns: what each row was multiplied by.
    public static func normaliseRows(_ x: inout Matrix, epsilon: Float) -> [Float] {
        let columns = x.columns
        return x.values.withUnsafeMutableBufferPointer { x in
            stride(from: 0, to: columns == 0 ? 0 : x.count, by: max(1, columns)).map { start in
                let mean = sum(UnsafeBufferPointer(x), start, columns) / Float(columns)
                for place in start..<start + columns { x[place] -= mean }
                let variance = dot(UnsafeBufferPointer(x), start, UnsafeBufferPointer(x), start, columns)
                let factor = 1 / (variance / Float(columns) + epsilon).squareRoot()
                for place in start..<start + columns { x[place] *= factor }
                return factor
            }
        }
    }

    /// Multiplies each column by its factor.
    public static func scaleColumns(_ x: inout Matrix, _ factors: Matrix) {
        let columns = x.columns
        x.values.withUnsafeMutableBufferPointer { x in
            factors.values.withUnsafeBufferPointer { factors in
                for start in stride(from: 0, to: x.count, by: max(1, columns)) {
                    for column in 0..<columns { x[start + column] *= factors[column] }
                }
            }
        }
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
        guard let at = row.baseAddress, row.count > 0 else { return }
        var top = row[0]
        for value in row { top = max(top, value) }
        var sums = RecurrentKernels.Vector(repeating: 0)
        forEachVector(at, row.count) { value, count in
            var powers = VectorFunctions.exp(value - top)
            if count < 8 { for lane in count..<8 { powers[lane] = 0 } }
            sums += powers
            return powers
        }
        let factor = 1 / sums.sum()
        for index in row.indices { row[index] *= factor }
    }

    /// Replaces values eight at a time; of the last ones, only the first `count` given to `body` count.
    @inline(__always)
    public static func forEachVector(
        _ at: UnsafeMutablePointer<Float>, _ count: Int,
        _ body: (VectorFunctions.Vector, Int) -> VectorFunctions.Vector
    ) {
        for start in stride(from: 0, to: count, by: 8) {
            let lanes = min(8, count - start)
            RecurrentKernels.store(body(RecurrentKernels.load(at + start, lanes), lanes), at + start, lanes)
        }
    }

    /// x Φ(x) with the normal distribution Φ (Hendrycks & Gimpel 2016).
    public static func gelu(_ x: inout Matrix) {
        x.values.withUnsafeMutableBufferPointer { x in
            guard let at = x.baseAddress else { return }
            forEachVector(at, x.count) { x, _ in 0.5 * x * (1 + VectorFunctions.erf(x * 0.707_106_78)) }
        }
    }

    /// Multiplies a gradient by the slope at the input: Φ(x) + x φ(x).
    public static func geluBackward(_ gradient: inout Matrix, input: Matrix) {
        gradient.values.withUnsafeMutableBufferPointer { gradient in
            input.values.withUnsafeBufferPointer { input in
                guard let at = gradient.baseAddress, let from = input.baseAddress else { return }
                var start = 0
                forEachVector(at, gradient.count) { slope, lanes in
                    let x = RecurrentKernels.load(from + start, lanes)
                    start += 8
                    let share = 0.5 * (1 + VectorFunctions.erf(x * 0.707_106_78))
                    return slope * (share + x * 0.398_942_28 * VectorFunctions.exp(-0.5 * x * x))
                }
            }
        }
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
