import Base

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
