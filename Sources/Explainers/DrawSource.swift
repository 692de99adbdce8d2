import Base

/// Where a method's random draws come from.
public enum DrawSource: String, CaseIterable, Sendable {
    /// Philox keyed by seed, text and number of the draw: independent of order and of other texts.
    case keyed = "default"
    /// NumPy's `RandomState(seed)` or, the same, `numpy.random.seed(seed)`: the draws of Python's lime and shap for the same seed (0...2³² − 1).
    case legacyNumPy = "numpy-legacy"

    func check(seed: UInt64) throws {
        guard self == .keyed || seed <= UInt64(UInt32.max) else {
            throw MLError(.usage, "a seed for 'numpy-legacy' must be below 4294967296, not \(seed)")
        }
    }
}
