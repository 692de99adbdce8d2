import CVector
import Tensors

/// `ContextAttention` over many rows in one pass, without gradients of its weights.
struct AttentionPath {
    let pooled: Matrix
    private let layer: ContextAttention
    private let x: Ragged
    private let hidden: [Float]
    private let alpha: [Float]

    /// Nil when the widths are no multiples of eight.
    init?(_ layer: ContextAttention, _ x: Ragged) {
        let (weight, bias, context) = (layer.parameters[0].value, layer.parameters[1].value, layer.parameters[2].value)
        guard weight.columns % 8 == 0, weight.rows % 8 == 0 else { return nil }
        let rows = x.matrix.rows
        var alpha = [Float](repeating: 0, count: rows)
        hidden = [Float](unsafeUninitializedCapacity: max(1, rows * weight.columns)) { hidden, count in
            cvector_attention(
                rows, Int32(weight.rows), Int32(weight.columns), x.matrix.values, weight.values, bias.values,
                context.values, hidden.baseAddress, &alpha)
            count = rows * weight.columns
        }
        ContextAttention.softmax(x, &alpha)
        pooled = ContextAttention.pool(x, alpha)
        self.layer = layer
        self.x = x
        self.alpha = alpha
    }

    /// Gradients of the rows from those of the texts' vectors.
    func slopes(_ gradient: Matrix) -> Matrix {
        let weight = layer.parameters[0].value
        var result = Matrix(x.matrix.rows, x.matrix.columns)
        var scores = Matrix(x.matrix.rows, 1)
        ContextAttention.backward(x, alpha, gradient, &result, &scores)
        var scratch = [Float](repeating: 0, count: 6 * weight.columns)
        cvector_attention_back(
            x.matrix.rows, Int32(weight.rows), Int32(weight.columns), scores.values, layer.parameters[2].value.values,
            hidden, weight.transposed.values, &scratch, &result.values)
        return result
    }
}

extension Matrix {
    /// Rows as columns.
    var transposed: Matrix {
        var out = Matrix(columns, rows)
        let (rows, columns) = (rows, columns)
        out.values.withUnsafeMutableBufferPointer { out in
            values.withUnsafeBufferPointer { values in
                for row in 0..<rows {
                    for column in 0..<columns { out[column * rows + row] = values[row * columns + column] }
                }
            }
        }
        return out
    }
}
