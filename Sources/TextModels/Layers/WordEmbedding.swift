import Base
import Tensors

/// A learned vector for each word of the vocabulary; word 0 stands for all others.
package struct WordEmbedding: Sendable {
    package var table: Parameter

    init(words: Int, width: Int, seed: UInt64) {
        table = .uniform("embed.words", words, width, bound: 0.1, seed: seed)
    }

    /// A row a word. Word −1 has a zero row and no gradient: it was dropped.
    package func forward(_ ids: [Int32]) -> Matrix {
        let width = table.value.columns
        var out = Matrix(ids.count, width)
        out.values.withUnsafeMutableBufferPointer { out in
            table.value.values.withUnsafeBufferPointer { table in
                for (row, id) in ids.enumerated() where id >= 0 {
                    for column in 0..<width { out[row * width + column] = table[Int(id) * width + column] }
                }
            }
        }
        return out
    }

    /// Gradients by word, each word once, in the order of their numbers.
    package func backward(_ ids: [Int32], _ gradient: Matrix, _ gradients: inout Gradients) {
        let width = gradient.columns
        let unique = Set(ids.filter { $0 >= 0 }).sorted()
        let places = Dictionary(uniqueKeysWithValues: unique.enumerated().map { ($1, $0) })
        var sums = Matrix(unique.count, width)
        for (row, id) in ids.enumerated() where id >= 0 {
            guard let place = places[id] else { continue }
            for column in 0..<width { sums.values[place * width + column] += gradient.values[row * width + column] }
        }
        gradients.rows = (unique, sums)
    }
}
