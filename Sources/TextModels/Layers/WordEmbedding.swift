import Base
import Tensors

/// A vector for each word: its own row, the mean of several rows (sub-words), or several hashed rows mixed.
package struct WordEmbedding: Sendable {
    package var table: Parameter
    /// Which rows a word has; nil: row i is word i, and word 0 stands for all others.
    package let features: FeatureTable?
    /// Mixes the attributes' rows of a word; nil: rows are averaged.
    private var mix: MultiHashMix?
    /// Frozen vectors have no gradient.
    let isFrozen: Bool
    let width: Int

    init(words: Int, width: Int, features: FeatureTable? = nil, isFrozen: Bool = false, seed: UInt64) {
        self.width = width
        self.features = features
        self.isFrozen = isFrozen
        table = .uniform("embed.words", features?.rowCount ?? words, width, bound: 0.1, seed: seed)
        if let features, case .multihash(_, let pieces) = features.kind {
            mix = MultiHashMix(width: width, pieces: pieces, seed: seed)
        }
    }

    /// The table first.
    var parameters: [Parameter] {
        get { [table] + (mix?.parameters ?? []) }
        set {
            table = newValue[0]
            mix?.parameters = Array(newValue.dropFirst())
        }
    }

    /// A row a word. Word −1 has a zero row and no gradient: it was dropped.
    package func forward(_ ids: [Int32]) -> Matrix {
        guard let features else { return gather(ids) }
        let rows = features.rows(of: ids)
        if let mix { return WordEmbedding.cleared(mix.forward(table.value, rows).output, ids) }
        var out = Matrix(ids.count, width)
        for (token, rows) in rows.enumerated() where !rows.isEmpty {
            let share = 1 / Float(rows.count)
            for row in rows {
                for column in 0..<width {
                    out.values[token * width + column] += share * table.value.values[Int(row) * width + column]
                }
            }
        }
        return out
    }

    private func gather(_ ids: [Int32]) -> Matrix {
        let width = width
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

    /// Gradients by row of the table, each row once, in the order of their numbers.
    package func backward(_ ids: [Int32], _ gradient: Matrix, _ gradients: inout Gradients) {
        if isFrozen { return }
        guard let features else {
            gradients.rows = WordEmbedding.sums(ids, gradient)
            return
        }
        let lists = features.rows(of: ids)
        if let mix {
            let inner = mix.forward(table.value, lists).backward(WordEmbedding.cleared(gradient, ids), &gradients)
            // Four rows of an attribute share the gradient of that attribute's columns.
            return scatter(lists, inner, &gradients) { $0 / FeatureTable.seeds }
        }
        var shared = gradient
        for (token, rows) in lists.enumerated() where !rows.isEmpty {
            for column in 0..<width { shared.values[token * width + column] /= Float(rows.count) }
        }
        scatter(lists, shared, &gradients) { _ in 0 }
    }

    /// Sums of the rows of equal ids, which come out ascending; rows below 0 belong to none.
    static func sums(_ ids: [Int32], _ gradient: Matrix) -> (ids: [Int32], values: Matrix) {
        // Ids with their places: sorted, equal ones lie together in the order they had.
        var keys: [UInt64] = []
        keys.reserveCapacity(ids.count)
        for (place, id) in ids.enumerated() where id >= 0 { keys.append(UInt64(id) << 32 | UInt64(place)) }
        keys.sort()
        var unique: [Int32] = []
        for key in keys where unique.last != Int32(key >> 32) { unique.append(Int32(key >> 32)) }
        let width = gradient.columns
        var sums = Matrix(unique.count, width)
        sums.values.withUnsafeMutableBufferPointer { sums in
            gradient.values.withUnsafeBufferPointer { gradient in
                var to = -width
                var last: UInt64 = .max
                for key in keys {
                    if key >> 32 != last {
                        last = key >> 32
                        to += width
                    }
                    let from = Int(key & 0xffff_ffff) * width
                    for column in 0..<width { sums[to + column] += gradient[from + column] }
                }
            }
        }
        return (unique, sums)
    }

    /// Adds each token's gradient to its rows; `block` says which columns belong to the n-th row of a token.
    private func scatter(
        _ lists: [[Int32]], _ gradient: Matrix, _ gradients: inout Gradients, block: (Int) -> Int
    ) {
        let unique = Set(lists.joined()).sorted()
        let places = Dictionary(uniqueKeysWithValues: unique.enumerated().map { ($1, $0) })
        var sums = Matrix(unique.count, width)
        for (token, rows) in lists.enumerated() {
            for (number, row) in rows.enumerated() {
                guard let place = places[row] else { continue }
                let from = token * gradient.columns + block(number) * width
                for column in 0..<width { sums.values[place * width + column] += gradient.values[from + column] }
            }
        }
        gradients.rows = (unique, sums)
    }

    /// Dropped words have no vector, whatever the mixing adds.
    private static func cleared(_ x: Matrix, _ ids: [Int32]) -> Matrix {
        var x = x
        for (row, id) in ids.enumerated() where id < 0 {
            for column in 0..<x.columns { x.values[row * x.columns + column] = 0 }
        }
        return x
    }
}
