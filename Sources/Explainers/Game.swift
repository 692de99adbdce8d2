import Base

/// A cooperative game: players that are in or out, and what each coalition is worth.
///
/// For a text the players are its tokens and the worth is the model's probability with the others hidden; for tests it
/// is any set function.
public struct Game: Sendable {
    public let players: Int
    /// The hierarchy that Owen values go down.
    public let tree: PartitionTree
    /// Asking takes less time than remembering.
    let isFast: Bool
    private let worth: @Sendable ([BitSet]) throws -> [[Double]]
    private let memory = Memory()

    /// - Parameters:
    ///   - tree: nil for a balanced one.
    ///   - worth: one row of outputs (at least one) for each coalition; a function of the coalition alone.
    public init(
        players: Int, tree: PartitionTree? = nil, worth: @escaping @Sendable ([BitSet]) throws -> [[Double]]
    ) {
        self.players = players
        self.tree = tree ?? PartitionTree(balanced: players)
        self.worth = worth
        isFast = false
    }

    private init(
        players: Int, tree: PartitionTree?, isFast: Bool, worth: @escaping @Sendable ([BitSet]) throws -> [[Double]]
    ) {
        self.players = players
        self.tree = tree ?? PartitionTree(balanced: players)
        self.worth = worth
        self.isFast = isFast
    }

    /// The variants of a text as a predictor sees them, `batchSize` at a time.
    public init(
        _ text: any MaskableText, predictor: any Predictor, tree: PartitionTree? = nil, batchSize: Int = 256
    ) throws {
        guard batchSize >= 1 else { throw MLError(.usage, "a batch needs at least 1 text, not \(batchSize)") }
        let fast = try (predictor as? any MaskedPredictor)?.scorer(for: text)
        self.init(players: text.players, tree: tree, isFast: fast != nil) { masks in
            var rows: [[Double]] = []
            rows.reserveCapacity(masks.count)
            for start in stride(from: 0, to: masks.count, by: batchSize) {
                let batch = Array(masks[start..<min(start + batchSize, masks.count)])
                if let fast {
                    rows += try predictor.checked(fast.outputs(batch), count: batch.count)
                } else {
                    rows += try predictor.checkedPrediction(batch.map { text.masked($0) })
                }
            }
            return rows
        }
    }

    /// The outputs for each coalition. Equal coalitions are asked once in the game's life, up to `Memory.limit` of them.
    public func outputs(_ masks: [BitSet]) throws -> [[Double]] { try memory.outputs(masks, worth) }

    /// One output for each coalition.
    public func values(_ masks: [BitSet], output: Int) throws -> [Double] { try outputs(masks).map { $0[output] } }

    /// The same for random coalitions, of which few come again: a fast model is asked about those too.
    func drawnValues(_ masks: [BitSet], output: Int) throws -> [Double] {
        guard isFast, players > 16 else { return try values(masks, output: output) }
        return try worth(masks).map { $0[output] }
    }

    /// How many coalitions were evaluated so far.
    public var evaluations: Int { memory.evaluations }

    public var nobody: BitSet { BitSet(count: players) }
    public var everybody: BitSet { BitSet(count: players, all: true) }

    /// Rows by coalition.
    private final class Memory: @unchecked Sendable {
        /// Bounds the memory: a long text's masks never repeat anyhow.
        static let limit = 1 << 16
        private let mutex = Mutex()
        private var places: [BitSet: Int] = [:]
        private var rows: [[Double]] = []
        private var count = 0

        var evaluations: Int { mutex.withLock { count } }

        func outputs(_ masks: [BitSet], _ worth: ([BitSet]) throws -> [[Double]]) throws -> [[Double]] {
            try mutex.withLock {
                var fresh: [BitSet] = []
                let known = rows.count
                if places.isEmpty, masks.count > 1 {
                    places.reserveCapacity(masks.count)
                    fresh.reserveCapacity(masks.count)
                }
                let slots = masks.map { mask -> Int in
                    if let place = places[mask] { return place }
                    let place = known + fresh.count
                    fresh.append(mask)
                    // Repeats are found within one call too, and forgotten after it beyond the limit.
                    places[mask] = place
                    return place
                }
                if fresh.isEmpty { return slots.map { rows[$0] } }
                do { rows += try worth(fresh) } catch {
                    for mask in fresh { places[mask] = nil }
                    throw error
                }
                count += fresh.count
                let out = slots.map { rows[$0] }
                if rows.count > Memory.limit {
                    for mask in fresh { places[mask] = nil }
                    rows.removeLast(fresh.count)
                }
                return out
            }
        }
    }
}

/// What a method says about a game.
public struct GameValues: Sendable {
    /// One share per player.
    public var values: [Double]
    /// Standard errors over the method's random draws; nil when nothing was drawn.
    public var standardErrors: [Double]?
    /// The worth of nobody and of everybody.
    public var base: Double
    public var full: Double
    /// Settings that were chosen on the way, to be shown with the others.
    public var parameters: JSONObject
    public var remarks: [String]

    public init(
        values: [Double], standardErrors: [Double]? = nil, base: Double, full: Double, parameters: JSONObject = [:],
        remarks: [String] = []
    ) {
        self.values = values
        self.standardErrors = standardErrors
        self.base = base
        self.full = full
        self.parameters = parameters
        self.remarks = remarks
    }

    /// Sum of the shares less the worth to share: 0 up to rounding for an efficient method.
    public var delta: Double { values.reduce(0, +) - (full - base) }
}
