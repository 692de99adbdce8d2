import Glibc
import Tensors

/// Scaled dot-product attention of every word to every word of its own sequence, in several heads (Vaswani et al. 2017,
/// section 3.2). Sequences never see each other: the mask is the sequence's end.
struct SelfAttention: Sendable {
    var query: Dense
    var key: Dense
    var value: Dense
    var output: Dense
    let heads: Int

    /// - Parameter heads: divides `width`.
    init(_ name: String, width: Int, heads: Int, seed: UInt64) {
        query = Dense(name + ".query", width, width, seed: seed)
        key = Dense(name + ".key", width, width, seed: seed)
        value = Dense(name + ".value", width, width, seed: seed)
        output = Dense(name + ".output", width, width, seed: seed)
        self.heads = heads
    }

    var parameters: [Parameter] {
        get { query.parameters + key.parameters + value.parameters + output.parameters }
        set {
            query.parameters = Array(newValue[0..<2])
            key.parameters = Array(newValue[2..<4])
            value.parameters = Array(newValue[4..<6])
            output.parameters = Array(newValue[6..<8])
        }
    }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (q, queryBack) = query.forward(x.matrix)
        let (k, keyBack) = key.forward(x.matrix)
        let (v, valueBack) = value.forward(x.matrix)
        let width = x.matrix.columns
        let size = width / heads
        let scale = 1 / Float(size).squareRoot()
        var mixed = Matrix(x.matrix.rows, width)
        var weights: [Matrix] = []
        for sequence in 0..<x.count {
            let range = x.range(sequence)
            for head in 0..<heads {
                let columns = head * size..<(head + 1) * size
                var scores = MatrixProduct.of(
                    Block.cut(q, range, columns), Block.cut(k, range, columns), secondTransposed: true)
                scores.scale(by: scale)
                Kernels.softmaxRows(&scores)
                Block.paste(MatrixProduct.of(scores, Block.cut(v, range, columns)), into: &mixed, range, columns)
                weights.append(scores)
            }
        }
        let (result, outputBack) = output.forward(mixed)
        let (kept, heads) = (weights, heads)
        return (
            result,
            { gradient, gradients in
                let dMixed = outputBack(gradient, &gradients)
                var (dq, dk, dv) = (Matrix(q.rows, width), Matrix(q.rows, width), Matrix(q.rows, width))
                for sequence in 0..<x.count {
                    let range = x.range(sequence)
                    for head in 0..<heads {
                        let columns = head * size..<(head + 1) * size
                        let alpha = kept[sequence * heads + head]
                        let slope = Block.cut(dMixed, range, columns)
                        Block.paste(MatrixProduct.of(alpha, transposed: true, slope), into: &dv, range, columns)
                        var scores = MatrixProduct.of(slope, Block.cut(v, range, columns), secondTransposed: true)
                        Block.softmaxBackward(&scores, alpha)
                        scores.scale(by: scale)
                        Block.paste(
                            MatrixProduct.of(scores, Block.cut(k, range, columns)), into: &dq, range, columns)
                        Block.paste(
                            MatrixProduct.of(scores, transposed: true, Block.cut(q, range, columns)), into: &dk, range,
                            columns)
                    }
                }
                var back = queryBack(dq, &gradients)
                back.add(keyBack(dk, &gradients))
                back.add(valueBack(dv, &gradients))
                return back
            }
        )
    }
}

/// Rectangles of a matrix.
enum Block {
    static func cut(_ x: Matrix, _ rows: Range<Int>, _ columns: Range<Int>) -> Matrix {
        var out = Matrix(rows.count, columns.count)
        out.values.withUnsafeMutableBufferPointer { out in
            x.values.withUnsafeBufferPointer { source in
                for row in 0..<rows.count {
                    let from = (rows.lowerBound + row) * x.columns + columns.lowerBound
                    for column in 0..<columns.count { out[row * columns.count + column] = source[from + column] }
                }
            }
        }
        return out
    }

    static func paste(_ part: Matrix, into x: inout Matrix, _ rows: Range<Int>, _ columns: Range<Int>) {
        let width = x.columns
        x.values.withUnsafeMutableBufferPointer { out in
            part.values.withUnsafeBufferPointer { source in
                for row in 0..<rows.count {
                    let to = (rows.lowerBound + row) * width + columns.lowerBound
                    for column in 0..<columns.count { out[to + column] = source[row * columns.count + column] }
                }
            }
        }
    }

    /// Gradients of a softmax's results to those of its scores, row by row.
    static func softmaxBackward(_ gradient: inout Matrix, _ output: Matrix) {
        let columns = output.columns
        gradient.values.withUnsafeMutableBufferPointer { gradient in
            output.values.withUnsafeBufferPointer { output in
                for start in stride(from: 0, to: output.count, by: max(1, columns)) {
                    let sum = Kernels.dot(UnsafeBufferPointer(gradient), start, output, start, columns)
                    for place in start..<start + columns { gradient[place] = output[place] * (gradient[place] - sum) }
                }
            }
        }
    }
}
