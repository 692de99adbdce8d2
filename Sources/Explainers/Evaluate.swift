import Base

/// How far an attribution tells what the model does: measures that ask the model about variants of the text.
///
/// Words are ranked by value, the strongest support of the target first, equals in the order of the text. p is the
/// model's probability of the attribution's target.
public struct Evaluate: Sendable {
    public let attribution: Attribution
    private let game: Game
    private let target: Int
    /// Word numbers, the most supporting first.
    public let ranking: [Int]
    /// p at the text, and with all words hidden.
    public let full: Double
    public let base: Double

    /// - Parameters:
    ///   - replacement: what stands for a hidden word; "" removes it, as ERASER does.
    ///   - batchSize: variants scored at once.
    public init(
        _ attribution: Attribution, predictor: any Predictor, replacement: String = "", batchSize: Int = 256
    ) throws {
        self.attribution = attribution
        game = try Game(HiddenWords(attribution, replacement: replacement), predictor: predictor, batchSize: batchSize)
        target = try Question(
            attribution.text, predictor: predictor, target: .label(attribution.target)
        ).target
        let values = attribution.words.map(\.value)
        ranking = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
        let ends = try game.values([game.everybody, game.nobody], output: target)
        (full, base) = (ends[0], ends[1])
    }

    /// The thresholds of DeYoung et al. 2020.
    public static let fractions = [0.01, 0.05, 0.1, 0.2, 0.5]

    /// p(x) − p(x without the top words), the mean over the fractions of the words (DeYoung et al., "ERASER", ACL 2020,
    /// §4.2). High: the words are needed. At least one word is taken for each fraction.
    public func comprehensiveness(_ fractions: [Double] = fractions) throws -> Double {
        try overFractions(fractions) { $0.complement }
    }

    /// p(x) − p(the top words alone), the mean over the fractions. Low: the words are enough.
    public func sufficiency(_ fractions: [Double] = fractions) throws -> Double {
        try overFractions(fractions) { $0 }
    }

    private func overFractions(_ fractions: [Double], _ variant: (BitSet) -> BitSet) throws -> Double {
        guard !fractions.isEmpty, fractions.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
            throw MLError(.usage, "fractions of words must lie above 0 and be at most 1")
        }
        if game.players == 0 { return 0 }
        let masks = fractions.map { fraction in
            variant(
                BitSet(count: game.players, ranking.prefix(max(1, Int((fraction * Double(game.players)).rounded(.up)))))
            )
        }
        return try game.values(masks, output: target).reduce(0) { $0 + full - $1 } / Double(fractions.count)
    }

    /// p after 0, 1, … all words, in an order.
    public struct Curve: Hashable, Sendable {
        public var values: [Double]

        /// Area under the curve over the fraction of words (0 to 1) by the trapezoidal rule.
        public var area: Double {
            guard values.count > 1 else { return values.first ?? 0 }
            return zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 + $1.1) / 2 } / Double(values.count - 1)
        }
    }

    /// A curve with its area on the scale of this text's own ends.
    public struct Area: Hashable, Sendable {
        public var curve: Curve
        /// (area − p without words)/(p at the text − p without words); nil when the two are equal up to 1e-9.
        public var normalised: Double?
        /// The same for random orders: their mean; what the ranking must beat.
        public var random: Double?
    }

    /// The top words are removed one after the other (Petsiuk, Das and Saenko, "RISE", BMVC 2018). A low area is good.
    ///
    /// - Parameter randomOrders: how many random orders `random` is the mean of.
    public func deletion(randomOrders: Int = 20, seed: UInt64 = 0) throws -> Area {
        try curve(randomOrders: randomOrders, seed: seed) { $0.complement }
    }

    /// The top words are put back one after the other, starting from none. A high area is good.
    public func insertion(randomOrders: Int = 20, seed: UInt64 = 0) throws -> Area {
        try curve(randomOrders: randomOrders, seed: seed) { $0 }
    }

    private func curve(randomOrders: Int, seed: UInt64, _ variant: (BitSet) -> BitSet) throws -> Area {
        func curve(_ order: [Int]) throws -> Curve {
            var taken = game.nobody
            var masks = [variant(taken)]
            for word in order {
                taken[word] = true
                masks.append(variant(taken))
            }
            return Curve(values: try game.values(masks, output: target))
        }
        func normalised(_ area: Double) -> Double? {
            abs(full - base) > 1e-9 ? (area - base) / (full - base) : nil
        }
        let own = try curve(ranking)
        var orders = SampledOrders(
            players: game.players, source: .keyed, seed: seed,
            purpose: "curve \(ObjectID.of(attribution.text))")
        var sum = 0.0
        for _ in 0..<randomOrders { sum += try curve(orders.next()).area }
        return Area(
            curve: own, normalised: normalised(own.area),
            random: randomOrders > 0 ? normalised(sum / Double(randomOrders)) : nil)
    }

    /// An estimate with its error.
    public struct Infidelity: Hashable, Sendable {
        /// E[(Iᵀφ − (p(x) − p(x − I)))²].
        public var value: Double
        public var standardError: Double
        /// The same with φ scaled by the factor that makes it smallest: for methods whose unit is not the probability.
        public var scaled: Double
    }

    /// Infidelity (Yeh et al., "On the (in)fidelity and sensitivity of explanations", NeurIPS 2019, definition 2.1), I
    /// hiding each word with probability ½. As captum 0.9's `infidelity` for the same I. Low is good.
    public func infidelity(samples: Int = 1000, seed: UInt64 = 0) throws -> Infidelity {
        guard samples >= 2 else { throw MLError(.usage, "infidelity needs at least 2 samples, not \(samples)") }
        let purpose = "infidelity \(ObjectID.of(attribution.text))"
        return try infidelity(
            hidden: (0..<samples).map { row in
                var random = SeededRandom(seed: seed, purpose: purpose, position: UInt64(row))
                return BitSet(count: game.players, (0..<game.players).filter { _ in random.next() >> 63 == 1 })
            })
    }

    /// Infidelity over given sets of hidden words.
    public func infidelity(hidden: [BitSet]) throws -> Infidelity {
        let values = try game.values(hidden.map(\.complement), output: target)
        let pairs = zip(hidden, values).map { mask, value in
            var sum = 0.0
            mask.forEach { sum += attribution.words[$0].value }
            return (predicted: sum, actual: full - value)
        }
        var moments = RunningMoments(size: 1)
        for pair in pairs { moments.add([(pair.predicted - pair.actual) * (pair.predicted - pair.actual)]) }
        let squares = pairs.reduce(0) { $0 + $1.predicted * $1.predicted }
        let factor = squares > 0 ? pairs.reduce(0) { $0 + $1.predicted * $1.actual } / squares : 0
        let scaled = pairs.reduce(0) { sum, pair in
            let difference = factor * pair.predicted - pair.actual
            return sum + difference * difference
        }
        return Infidelity(
            value: moments.mean[0], standardError: moments.standardErrors?[0] ?? 0,
            scaled: scaled / Double(max(1, pairs.count)))
    }
}
