import Base

/// The mean of several runs that differ in their seed alone, with its 95 % confidence interval.
public struct SeedStatistics: Hashable, Sendable {
    public var count: Int
    public var mean: Double
    /// Sample standard deviation (n - 1); 0 for one value.
    public var deviation: Double
    /// Half the width of the interval: Student's t with n - 1 degrees of freedom times the standard error; nil for one
    /// value.
    public var margin: Double?

    /// nil for no values.
    public init?(_ values: [Double]) {
        let values = values.filter(\.isFinite)
        if values.isEmpty { return nil }
        count = values.count
        mean = values.reduce(0, +) / Double(values.count)
        let mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
        margin =
            values.count > 1
            ? SeedStatistics.quantile(values.count - 1) * deviation / Double(values.count).squareRoot() : nil
    }

    /// `{count, mean, std, margin}`
    public var json: JSON {
        [
            "count": JSON(count), "mean": .number(mean), "std": .number(deviation),
            "margin": margin.map { .number($0) } ?? .null,
        ]
    }

    /// The 97.5 % point of Student's t. To thirty degrees of freedom from tables, beyond by the expansion in 1/n around
    /// the normal quantile (Abramowitz & Stegun 26.7.5).
    static func quantile(_ degrees: Int) -> Double {
        if degrees <= table.count { return table[max(1, degrees) - 1] }
        let x = 1.959963984540054
        let n = Double(degrees)
        let (x3, x5, x7) = (x * x * x, x * x * x * x * x, x * x * x * x * x * x * x)
        return x + (x3 + x) / (4 * n) + (5 * x5 + 16 * x3 + 3 * x) / (96 * n * n)
            + (3 * x7 + 19 * x5 + 17 * x3 - 15 * x) / (384 * n * n * n)
    }

    private static let table = [
        12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139, 2.200985,
        2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963, 2.079614, 2.073873,
        2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
    ]
}
