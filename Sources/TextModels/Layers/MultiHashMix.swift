import Tensors

/// A word's attributes, each the sum of its hashed rows, side by side, through maxout and normalisation
/// (spaCy's `MultiHashEmbed`; Miranda et al. 2022, "Multi hash embeddings in spaCy", section 3).
struct MultiHashMix: Sendable {
    private var maxout: Maxout
    private var norm: LayerNormalisation
    private let width: Int

    init(width: Int, pieces: Int, seed: UInt64) {
        self.width = width
        maxout = Maxout("embed.mix", FeatureTable.attributes * width, width, pieces: pieces, seed: seed)
        norm = LayerNormalisation("embed.norm", width: width)
    }

    var parameters: [Parameter] {
        get { maxout.dense.parameters + [norm.scale, norm.shift] }
        set {
            maxout.dense.parameters = Array(newValue[0..<2])
            (norm.scale, norm.shift) = (newValue[2], newValue[3])
        }
    }

    /// - Parameter rows: for each token `seeds` rows of each attribute, one attribute after the other.
    /// - Returns: a vector a token, and the way back to the attributes' sums.
    func forward(
        _ table: Matrix, _ rows: [[Int32]]
    ) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        var sums = Matrix(rows.count, FeatureTable.attributes * width)
        for (token, list) in rows.enumerated() {
            for (number, row) in list.enumerated() {
                let to = token * sums.columns + number / FeatureTable.seeds * width
                for column in 0..<width { sums.values[to + column] += table.values[Int(row) * width + column] }
            }
        }
        let (hidden, maxoutBack) = maxout.forward(sums)
        let (output, normBack) = norm.forward(hidden)
        return (output, { gradient, gradients in maxoutBack(normBack(gradient, &gradients), &gradients) })
    }
}
