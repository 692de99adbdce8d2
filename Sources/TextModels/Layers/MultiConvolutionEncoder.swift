import Tensors

/// Convolutions over windows of several widths, rectified, side by side (Kim 2014, section 2).
struct MultiConvolutionEncoder: EncodeLayer {
    private var branches: [Dense]
    private let windows: [Int]
    let outputWidth: Int

    /// - Parameter windows: words each filter sees; an even one has no middle word and becomes the next odd
    ///   one, which the specification writes down.
    init(windows: [Int], inputWidth: Int, width: Int, seed: UInt64) {
        self.windows = windows.map { $0 | 1 }
        outputWidth = width * windows.count
        branches = self.windows.enumerated().map { number, window in
            Dense("encode.\(number)", window * inputWidth, width, seed: seed)
        }
    }

    var parameters: [Parameter] {
        get { branches.flatMap(\.parameters) }
        set {
            for index in branches.indices { branches[index].parameters = Array(newValue[2 * index..<2 * index + 2]) }
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let results = zip(branches, windows).map { branch, window -> (Matrix, (Matrix, inout Gradients) -> Matrix) in
            var (output, back) = branch.forward(Kernels.windows(x, window: window))
            Kernels.rectify(&output)
            return (output, back)
        }
        let outputs = results.map(\.0)
        let windows = windows
        return (
            x.with(Columns.joined(outputs)),
            { gradient, gradients in
                var result = Matrix(x.matrix.rows, x.matrix.columns)
                var start = 0
                for (index, output) in outputs.enumerated() {
                    var part = Columns.slice(gradient, start..<start + output.columns)
                    start += output.columns
                    Kernels.rectifyBackward(&part, output: output)
                    let inner = results[index].1(part, &gradients)
                    result.add(Kernels.windowsBackward(inner, offsets: x.offsets, window: windows[index]))
                }
                return result
            }
        )
    }
}

/// Matrices cut into columns and put together again.
enum Columns {
    /// Rows of all matrices side by side.
    static func joined(_ parts: [Matrix]) -> Matrix {
        let columns = parts.reduce(0) { $0 + $1.columns }
        let rows = parts.first?.rows ?? 0
        var out = Matrix(rows, columns)
        out.values.withUnsafeMutableBufferPointer { out in
            var start = 0
            for part in parts {
                part.values.withUnsafeBufferPointer { part in
                    let own = part.count / max(1, rows)
                    for row in 0..<rows {
                        for column in 0..<own { out[row * columns + start + column] = part[row * own + column] }
                    }
                    start += own
                }
            }
        }
        return out
    }

    /// Some columns of all rows.
    static func slice(_ x: Matrix, _ range: Range<Int>) -> Matrix {
        var out = Matrix(x.rows, range.count)
        let columns = x.columns
        out.values.withUnsafeMutableBufferPointer { out in
            x.values.withUnsafeBufferPointer { x in
                for row in 0..<out.count / max(1, range.count) {
                    for column in 0..<range.count {
                        out[row * range.count + column] = x[row * columns + range.lowerBound + column]
                    }
                }
            }
        }
        return out
    }
}
