import Base

/// Shapley values by their definition (Shapley 1953): φᵢ = Σ over S ⊆ N∖{i} of |S|!(n−|S|−1)!/n! · (v(S∪{i}) − v(S)),
/// all 2ⁿ coalitions evaluated. Equals shap 0.51's `ExactExplainer` without a clustering.
public struct ExactShapley: GameExplainer {
    public var masking: Masking

    public init(masking: Masking = .init()) { self.masking = masking }

    public var method: String { "exact" }
    public var settings: JSONObject { [:] }

    /// 65 536 coalitions.
    public static let mostPlayers = 16

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        let n = game.players
        guard n <= ExactShapley.mostPlayers else {
            throw MLError(
                .invalidInput,
                "a text of \(n) words has 2^\(n) coalitions, too many for 'exact'",
                hint:
                    "it takes up to \(ExactShapley.mostPlayers) words; 'partition', 'permutation' or 'kernel' take more"
            )
        }
        let masks = (0..<1 << n).map { bits in
            BitSet(count: n, (0..<n).lazy.filter { bits >> $0 & 1 == 1 })
        }
        let values = try game.values(masks, output: output)
        // 1/(n·C(n−1, s))
        var weights = [1 / Double(n)]
        for size in 1..<n { weights.append(weights[size - 1] * Double(size) / Double(n - size)) }
        let shares = (0..<n).map { player in
            var sum = 0.0
            for bits in values.indices where bits >> player & 1 == 0 {
                sum += weights[bits.nonzeroBitCount] * (values[bits | 1 << player] - values[bits])
            }
            return sum
        }
        return GameValues(values: shares, base: values[0], full: values[values.count - 1])
    }
}
