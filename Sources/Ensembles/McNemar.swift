import Base
import Glibc
import TextModels

/// Whether two models differ on the same texts (McNemar 1947): only texts count that one has right and the other wrong.
public struct McNemar: Hashable, Sendable {
    /// Texts that only the first has right, and only the second.
    public var onlyFirst: Int
    public var onlySecond: Int
    /// The two-sided exact probability of so unequal a split under equal models (binomial, capped at 1).
    public var exact: Double
    /// χ² with one degree of freedom and the correction for continuity (Edwards 1948), and its probability.
    public var statistic: Double
    public var approximate: Double

    public init(onlyFirst: Int, onlySecond: Int) {
        self.onlyFirst = onlyFirst
        self.onlySecond = onlySecond
        let count = onlyFirst + onlySecond
        if count == 0 {
            (exact, statistic, approximate) = (1, 0, 1)
            return
        }
        var sum = 0.0
        for hits in 0...min(onlyFirst, onlySecond) {
            sum += exp(
                lgamma(Double(count + 1)) - lgamma(Double(hits + 1)) - lgamma(Double(count - hits + 1))
                    - Double(count) * log(2))
        }
        exact = min(1, 2 * sum)
        let difference = max(0, abs(Double(onlyFirst - onlySecond)) - 1)
        statistic = difference * difference / Double(count)
        approximate = erfc((statistic / 2).squareRoot())
    }

    /// - Parameters:
    ///   - first: probabilities of one model, `[text][class]`.
    ///   - second: those of the other on the same texts.
    public init(_ first: [[Double]], _ second: [[Double]], truth: [Int]) {
        var counts = (0, 0)
        for (place, label) in truth.enumerated() {
            let a = Evaluation.argmax(first[place]) == label
            let b = Evaluation.argmax(second[place]) == label
            if a && !b { counts.0 += 1 }
            if b && !a { counts.1 += 1 }
        }
        self.init(onlyFirst: counts.0, onlySecond: counts.1)
    }

    public var json: JSON {
        [
            "only_first": JSON(onlyFirst), "only_second": JSON(onlySecond), "p_exact": JSON(exact),
            "chi2": JSON(statistic), "p_chi2": JSON(approximate),
        ]
    }
}
