import Glibc

/// Gauss-Legendre quadrature on [0, 1].
public enum GaussLegendre {
    /// Nodes in rising order with their weights, exact for polynomials of degree 2n − 1; the weights sum to 1.
    ///
    /// Newton's iteration on the Legendre polynomial Pₙ from Tricomi's estimate of its roots
    /// (Press et al., Numerical Recipes, §4.6).
    public static func nodes(_ count: Int) -> [(position: Double, weight: Double)] {
        guard count > 0 else { return [] }
        var out = [(position: Double, weight: Double)](repeating: (0.5, 1), count: count)
        for index in 0..<(count + 1) / 2 {
            var x = cos(.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
            var derivative = 1.0
            for _ in 0..<100 {
                let (value, slope) = legendre(count, x)
                derivative = slope
                let step = value / slope
                x -= step
                if abs(step) < 1e-15 { break }
            }
            // The middle root of an odd polynomial is 0 exactly.
            if count % 2 == 1, index == count / 2 { (x, derivative) = (0, legendre(count, 0).slope) }
            // On [−1, 1] the weight is 2/((1 − x²)·Pₙ′(x)²); on [0, 1] half of it.
            let weight = 1 / ((1 - x * x) * derivative * derivative)
            out[index] = ((1 - x) / 2, weight)
            out[count - 1 - index] = ((1 + x) / 2, weight)
        }
        return out
    }

    /// Pₙ(x) and its derivative by the three-term recurrence.
    private static func legendre(_ degree: Int, _ x: Double) -> (value: Double, slope: Double) {
        var before = 0.0
        var value = 1.0
        for k in 1...degree {
            (before, value) = (value, (Double(2 * k - 1) * x * value - Double(k - 1) * before) / Double(k))
        }
        return (value, Double(degree) * (x * value - before) / (x * x - 1))
    }
}
