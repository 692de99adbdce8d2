import Glibc

/// Probabilities that are as sure as they are right.
public enum Calibration {
    /// The temperature that scores are divided by for the lowest log loss (Guo et al. 2017, "On calibration of modern
    /// neural networks", section 4.2): found by golden section on its logarithm, within 0.05 to 20.
    ///
    /// - Parameter answers: probabilities; their logarithms are scores up to a constant, which softmax takes out.
    public static func temperature(_ answers: [[Double]], _ targets: Targets) -> Double {
        let scores = answers.map { $0.map { log(max(1e-30, $0)) } }
        func loss(_ logarithm: Double) -> Double {
            let divided = scores.map { row in LinearModel.softmax(row.map { $0 / exp(logarithm) }, classes: 0) }
            return targets.loss(divided, .softmax)
        }
        let ratio = (sqrt(5) - 1) / 2
        var (low, high) = (log(0.05), log(20.0))
        var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
        var (leftLoss, rightLoss) = (loss(left), loss(right))
        for _ in 0..<60 {
            if leftLoss <= rightLoss {
                (high, right, rightLoss) = (right, left, leftLoss)
                left = high - ratio * (high - low)
                leftLoss = loss(left)
            } else {
                (low, left, leftLoss) = (left, right, rightLoss)
                right = low + ratio * (high - low)
                rightLoss = loss(right)
            }
        }
        return exp((low + high) / 2)
    }
}
