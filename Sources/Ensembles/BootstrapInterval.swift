import Base
import Glibc
import TextModels

/// How sure accuracy and log loss are: texts drawn again and again with replacement (Efron & Tibshirani 1993,
/// section 13.3: the percentile interval, 95 %).
public struct BootstrapInterval: Hashable, Sendable {
    public var accuracy: PairedBootstrap.Gain
    public var logLoss: PairedBootstrap.Gain

    public init(
        _ probabilities: [[Double]], truth: [Int], resamples: Int = 2000, seed: UInt64 = 1
    ) throws {
        // Against an answer that is never right and always sure of nothing: a gain over it is the measure itself.
        let never = truth.map { label -> [Double] in
            (0..<(probabilities.first?.count ?? 0)).map { $0 == label ? 1 : 2 }
        }
        let paired = try PairedBootstrap(never, probabilities, truth: truth, resamples: resamples, seed: seed)
        accuracy = paired.accuracy
        // ln 1 − (−ln p) is the negative loss.
        logLoss = PairedBootstrap.Gain(
            value: -paired.logLoss.value, lower: -paired.logLoss.upper, upper: -paired.logLoss.lower)
    }
}
