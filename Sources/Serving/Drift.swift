import Glibc

/// How far one distribution is from another over the same bins.
public enum Drift {
    /// A share below this counts as this, so that an empty bin does not make the index infinite.
    static let floor = 1e-4

    /// The population stability index, Σ (p − q) ln(p / q): 0 for equal ones; by custom above 0.1 some, above 0.25 a
    /// large change.
    ///
    /// - Parameters:
    ///   - p: shares that sum to 1.
    ///   - q: as many shares.
    public static func stability(_ p: [Double], _ q: [Double]) -> Double {
        zip(p, q).reduce(0) { sum, pair in
            let (p, q) = (max(pair.0, floor), max(pair.1, floor))
            return sum + (p - q) * log(p / q)
        }
    }

    /// The Jensen–Shannon divergence in bits: 0 for equal distributions, 1 for ones that have no bin in common.
    public static func jensenShannon(_ p: [Double], _ q: [Double]) -> Double {
        func divergence(_ share: Double, _ middle: Double) -> Double { share > 0 ? share * log2(share / middle) : 0 }
        let sum = zip(p, q).reduce(0) { sum, pair in
            let middle = (pair.0 + pair.1) / 2
            return sum + divergence(pair.0, middle) + divergence(pair.1, middle)
        }
        return min(1, max(0, sum / 2))
    }

    /// Counts as shares; all zero without any.
    public static func shares(_ counts: [Double]) -> [Double] {
        let sum = counts.reduce(0, +)
        return counts.map { sum > 0 ? $0 / sum : 0 }
    }
}
