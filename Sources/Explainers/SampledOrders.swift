import Base

/// Where random draws of the Shapley methods come from.
public enum DrawSource: String, CaseIterable, Sendable {
    /// Philox keyed by seed, text and draw number: independent of order and of other texts.
    case keyed = "default"
    /// NumPy's global generator after `numpy.random.seed(seed)`: the draws of Python's shap (seed below 2³²).
    case legacyNumPy = "numpy-legacy"

    func check(seed: UInt64) throws {
        guard self == .keyed || seed <= UInt64(UInt32.max) else {
            throw MLError(.usage, "a seed for 'numpy-legacy' must be below 4294967296, not \(seed)")
        }
    }
}

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

/// Mean and variance of vectors that come one after the other (Welford 1962).
struct RunningMoments {
    private(set) var count = 0
    private(set) var mean: [Double]
    private var squares: [Double]

    init(size: Int) {
        mean = Array(repeating: 0, count: size)
        squares = mean
    }

    mutating func add(_ sample: [Double]) {
        count += 1
        for (index, value) in sample.enumerated() {
            let before = value - mean[index]
            mean[index] += before / Double(count)
            squares[index] += before * (value - mean[index])
        }
    }

    /// Of the mean; nil for fewer than two samples.
    var standardErrors: [Double]? {
        count < 2 ? nil : squares.map { ($0 / Double(count - 1) / Double(count)).squareRoot() }
    }
}

/// Decides when sampled values are good enough to be put in an order.
public enum RankStability {
    /// How many of the largest are looked at.
    public static let top = 10

    /// True when each of the `top` largest values (by size) is told apart from the next one: by two standard errors of
    /// the difference (errors taken as independent), or because two standard errors are within `tolerance`, so that
    /// an exchange would not matter.
    public static func isStable(
        values: [Double], standardErrors: [Double], tolerance: Double, top: Int = RankStability.top
    ) -> Bool {
        let order = values.indices.sorted { (abs(values[$1]), $0) < (abs(values[$0]), $1) }
        return zip(order, order.dropFirst()).prefix(top).allSatisfy { a, b in
            let error = 2 * (standardErrors[a] * standardErrors[a] + standardErrors[b] * standardErrors[b]).squareRoot()
            return error <= tolerance || abs(values[a]) - abs(values[b]) > error
        }
    }

    static func check(_ tolerance: Double?, method: String) throws {
        guard let tolerance else { return }
        guard tolerance > 0, tolerance.isFinite else {
            throw MLError(.usage, "the tolerance of '\(method)' must be a positive number")
        }
    }
}
