import Base
import TextModels

/// How unlike the members' mistakes are: what an ensemble can gain from (Kuncheva & Whitaker 2003, section 3).
public struct Diversity: Hashable, Sendable {
    /// Of each pair of members (i, j), i < j.
    public struct Pair: Hashable, Sendable {
        public var first: Int
        public var second: Int
        /// Share of texts on which their most probable classes differ.
        public var disagreement: Double
        /// Pearson's correlation of their errors (1 wrong, 0 right); 0 when one makes none or only errors.
        public var errorCorrelation: Double
        /// Share of texts on which both are wrong.
        public var doubleFault: Double
        /// Yule's Q: 1 when both are right on the same texts, −1 when on opposite ones.
        public var q: Double
    }

    public var pairs: [Pair]

    /// - Parameter members: probabilities, `[member][text][class]`.
    public init(_ members: [[[Double]]], truth: [Int]) {
        let guesses = members.map { $0.map(Evaluation.argmax) }
        let wrong = guesses.map { zip($0, truth).map { $0 != $1 } }
        let count = Double(max(1, truth.count))
        pairs = []
        for i in members.indices {
            for j in members.indices where j > i {
                var both = 0.0
                var first = 0.0
                var second = 0.0
                var differ = 0.0
                for text in truth.indices {
                    both += wrong[i][text] && wrong[j][text] ? 1 : 0
                    first += wrong[i][text] && !wrong[j][text] ? 1 : 0
                    second += !wrong[i][text] && wrong[j][text] ? 1 : 0
                    differ += guesses[i][text] != guesses[j][text] ? 1 : 0
                }
                let none = Double(truth.count) - both - first - second
                let a = (both + first) / count
                let b = (both + second) / count
                let spread = (a * (1 - a) * b * (1 - b)).squareRoot()
                let q = both * none + first * second
                pairs.append(
                    Pair(
                        first: i, second: j, disagreement: differ / count,
                        errorCorrelation: spread > 0 ? (both / count - a * b) / spread : 0,
                        doubleFault: both / count, q: q > 0 ? (both * none - first * second) / q : 0))
            }
        }
    }

    /// The mean over all pairs.
    public func mean(_ value: KeyPath<Pair, Double>) -> Double {
        pairs.isEmpty ? 0 : pairs.reduce(0) { $0 + $1[keyPath: value] } / Double(pairs.count)
    }

    public var json: JSON {
        [
            "disagreement": JSON(mean(\.disagreement)), "error_correlation": JSON(mean(\.errorCorrelation)),
            "double_fault": JSON(mean(\.doubleFault)), "q": JSON(mean(\.q)),
            "pairs": .array(
                pairs.map {
                    [
                        "members": [JSON($0.first), JSON($0.second)], "disagreement": JSON($0.disagreement),
                        "error_correlation": JSON($0.errorCorrelation), "double_fault": JSON($0.doubleFault),
                        "q": JSON($0.q),
                    ]
                }),
        ]
    }
}
