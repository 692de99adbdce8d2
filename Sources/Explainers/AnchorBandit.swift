import Base

/// The rules under test, with what was drawn for them.
struct AnchorBandit {
    struct Arm {
        var tokens: [Int]
        /// Of the rules it grew from.
        var precisions: [Double]
        var count = 0
        var hits = 0
        var mean: Double { count == 0 ? 0 : Double(hits) / Double(count) }
    }

    let game: Game
    let predicted: Int
    let seed: UInt64
    let key: String
    private(set) var arms: [Arm] = []
    private(set) var drawn = 0

    init(game: Game, predicted: Int, seed: UInt64, key: String) {
        self.game = game
        self.predicted = predicted
        self.seed = seed
        self.key = key
    }

    /// A new rule.
    mutating func arm(_ tokens: [Int], precisions: [Double] = []) -> Int {
        arms.append(Arm(tokens: tokens, precisions: precisions))
        return arms.count - 1
    }

    /// Draws variants of a rule: keyed by its tokens, so that the search's order does not change them.
    mutating func draw(_ arm: Int, _ count: Int) throws {
        let tokens = arms[arm].tokens
        let purpose = "anchors \(key) \(tokens.sorted())"
        let first = arms[arm].count
        let masks = (first..<first + count).map { row in
            var random = SeededRandom(seed: seed, purpose: purpose, position: UInt64(row))
            var mask = BitSet(count: game.players)
            for player in 0..<game.players { mask[player] = random.next() >> 63 == 1 }
            for token in tokens { mask[token] = true }
            return mask
        }
        for row in try game.outputs(masks) {
            let largest = row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }
            if largest == predicted { arms[arm].hits += 1 }
        }
        arms[arm].count += count
        drawn += count
    }
}
