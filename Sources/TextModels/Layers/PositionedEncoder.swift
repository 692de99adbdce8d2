import Glibc
import Tensors

/// Adds to each word's vector one for its place in the text, then encodes.
struct PositionedEncoder: EncodeLayer {
    private var inner: any EncodeLayer
    /// Learned vectors, a row a place; nil for fixed waves.
    private var table: Parameter?
    private let width: Int
    var outputWidth: Int { inner.outputWidth }

    /// - Parameter places: rows of the learned table, words beyond share the last; nil: sines and cosines of falling
    ///   frequency (Vaswani et al. 2017, section 3.5), for any length.
    init(_ inner: any EncodeLayer, width: Int, places: Int?, seed: UInt64) {
        self.inner = inner
        self.width = width
        table = places.map { .uniform("embed.positions", $0, width, bound: 0.1, seed: seed) }
    }

    var parameters: [Parameter] {
        get { (table.map { [$0] } ?? []) + inner.parameters }
        set {
            if table != nil { table = newValue[0] }
            inner.parameters = Array(newValue.dropFirst(table == nil ? 0 : 1))
        }
    }

    /// How far the angle of a column turns from word to word.
    static func frequency(_ column: Int, _ width: Int) -> Float {
        Float(1 / pow(10_000, Double(column & ~1) / Double(width)))
    }

    private func wave(_ place: Int, _ column: Int) -> Float {
        let angle = Double(place) / pow(10_000, Double(column & ~1) / Double(width))
        // A tenth: as large as the vectors of words are at the start, so that places do not drown them.
        return Float(0.1 * (column & 1 == 0 ? sin(angle) : cos(angle)))
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        var moved = x.matrix
        for sequence in 0..<x.count {
            for (place, row) in x.range(sequence).enumerated() {
                for column in 0..<width {
                    if let table {
                        moved[row, column] += table.value[min(place, table.value.rows - 1), column]
                    } else {
                        moved[row, column] += wave(place, column)
                    }
                }
            }
        }
        let (output, back) = inner.forward(x.with(moved))
        let table = table
        return (
            output,
            { gradient, gradients in
                let result = back(gradient, &gradients)
                if let table {
                    var slopes = Matrix(table.value.rows, table.value.columns)
                    for sequence in 0..<x.count {
                        for (place, row) in x.range(sequence).enumerated() {
                            let to = min(place, slopes.rows - 1)
                            for column in 0..<slopes.columns { slopes[to, column] += result[row, column] }
                        }
                    }
                    gradients.add(table.name, slopes)
                }
                return result
            }
        )
    }
}
