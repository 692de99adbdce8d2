import Glibc

/// Confidence bounds of a Bernoulli mean by Kullback-Leibler divergence, and the schedule of KL-LUCB
/// (Kaufmann and Kalyanakrishnan, "Information complexity in bandit subset selection", COLT 2013).
public enum KLBound {
    /// KL(Bernoulli(p) ‖ Bernoulli(q)); infinite where q excludes what p allows.
    public static func divergence(_ p: Double, _ q: Double) -> Double {
        func part(_ a: Double, _ b: Double) -> Double { a == 0 ? 0 : b == 0 ? .infinity : a * log(a / b) }
        return part(p, q) + part(1 - p, 1 - q)
    }

    /// The largest q ≥ `mean` with KL(mean ‖ q) ≤ `level`.
    public static func upper(_ mean: Double, level: Double) -> Double {
        bisect(from: mean, to: 1) { divergence(mean, $0) <= level }
    }

    /// The smallest q ≤ `mean` with KL(mean ‖ q) ≤ `level`.
    public static func lower(_ mean: Double, level: Double) -> Double {
        bisect(from: mean, to: 0) { divergence(mean, $0) <= level }
    }

    /// β(t, δ) of KL-LUCB for `arms` arms in round t ≥ 1: log(k·arms·t^α/δ) + log log(k·arms·t^α/δ), k = 405.5, α = 1.1.
    public static func beta(arms: Int, round: Int, delta: Double) -> Double {
        let inner = log(405.5 * Double(arms) * pow(Double(round), 1.1) / delta)
        return inner + log(inner)
    }

    /// The point farthest from `start` on the way to `end` that still holds.
    private static func bisect(from start: Double, to end: Double, _ holds: (Double) -> Bool) -> Double {
        if holds(end) { return end }
        var (inside, outside) = (start, end)
        for _ in 0..<60 {
            let middle = (inside + outside) / 2
            if holds(middle) { inside = middle } else { outside = middle }
        }
        return inside
    }
}
