import Base
import Glibc
import TextModels

/// How sure a gain is: both predictors on the same texts, drawn again and again with replacement
/// (Efron & Tibshirani 1993, section 13.3: the percentile interval).
public struct PairedBootstrap: Hashable, Sendable {
    /// The gain on the texts as they are, and its 95 % interval.
    public struct Gain: Hashable, Sendable {
        public var value: Double
        public var lower: Double
        public var upper: Double
    }

    /// Accuracy of the second minus accuracy of the first.
    public var accuracy: Gain
    /// Log loss of the first minus log loss of the second: positive when the second is better.
    public var logLoss: Gain

    public init(
        _ first: [[Double]], _ second: [[Double]], truth: [Int], resamples: Int = 10_000, seed: UInt64 = 1
    ) throws {
        let count = truth.count
        guard count > 0 else { throw MLError(.invalidInput, "no texts to compare on") }
        guard resamples > 0 else { throw MLError(.invalidInput, "an interval needs at least one resample") }
        let hits = truth.indices.map { row in
            (Evaluation.argmax(second[row]) == truth[row] ? 1.0 : 0)
                - (Evaluation.argmax(first[row]) == truth[row] ? 1.0 : 0)
        }
        let losses = truth.indices.map { row in
            log(max(1e-15, second[row][truth[row]])) - log(max(1e-15, first[row][truth[row]]))
        }
        // Draws keyed by the resample: the same for any number of threads.
        let sums = try parallelMap(count: resamples) { resample -> (Double, Double) in
            var random = SeededRandom(seed: seed, purpose: "bootstrap", position: UInt64(resample))
            var hit = 0.0
            var loss = 0.0
            for _ in 0..<count {
                let row = random.below(count)
                hit += hits[row]
                loss += losses[row]
            }
            return (hit / Double(count), loss / Double(count))
        }
        accuracy = PairedBootstrap.gain(hits.reduce(0, +) / Double(count), sums.map(\.0))
        logLoss = PairedBootstrap.gain(losses.reduce(0, +) / Double(count), sums.map(\.1))
    }

    private static func gain(_ value: Double, _ draws: [Double]) -> Gain {
        let sorted = draws.sorted()
        let last = Double(sorted.count - 1)
        return Gain(
            value: value, lower: sorted[Int((0.025 * last).rounded())], upper: sorted[Int((0.975 * last).rounded())])
    }
}
