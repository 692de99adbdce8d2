import Base

/// Random orders of the players, one after the other.
struct SampledOrders {
    private let players: Int
    private let source: DrawSource
    private let seed: UInt64
    private let purpose: String
    private var drawn = 0
    private var legacy: LegacyNumPyRandom
    private var order: [Int]

    init(players: Int, source: DrawSource, seed: UInt64, purpose: String) {
        self.players = players
        self.source = source
        self.seed = seed
        self.purpose = purpose
        legacy = LegacyNumPyRandom(seed: UInt32(truncatingIfNeeded: seed))
        order = Array(0..<players)
    }

    mutating func next() -> [Int] {
        switch source {
        case .legacyNumPy:
            // shap shuffles one array again and again.
            order = legacy.permutation(players).map { order[$0] }
            return order
        case .keyed:
            var random = SeededRandom(seed: seed, purpose: purpose, position: UInt64(drawn))
            drawn += 1
            var out = Array(0..<players)
            for index in 0..<players { out.swapAt(index, index + random.below(players - index)) }
            return out
        }
    }
}
