/// Functions of eight numbers at once, for loops that are nothing but functions.
public enum VectorFunctions {
    public typealias Vector = SIMD8<Float>

    /// eˣ with a relative error below 3e-7, for x between −87 and 88; beyond, the value at these ends.
    ///
    /// x = n·ln 2 + r: a polynomial of degree 6 (Taylor's, |r| ≤ ln 2/2) for eʳ, and n goes to the exponent's bits.
    @inline(__always)
    public static func exp(_ x: Vector) -> Vector {
        let clamped = x.clamped(lowerBound: Vector(repeating: -87), upperBound: Vector(repeating: 88))
        // Adding 1.5·2²³ rounds to a whole number, which is then in the lowest bits.
        let shifted = clamped * 1.442_695_04 + 12_582_912
        let whole = shifted - 12_582_912
        let rest = clamped - whole * 0.693_359_375 + whole * 2.121_944_4e-4
        var sum = rest * (1.0 / 720) + (1.0 / 120)
        sum = sum * rest + (1.0 / 24)
        sum = sum * rest + (1.0 / 6)
        sum = sum * rest + 0.5
        sum = sum * rest + 1
        sum = sum * rest + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- 0x4b40_0000
        return sum * unsafeBitCast((bits &+ 127) &<< 23, to: Vector.self)
    }

    /// 1/(1 + e⁻ˣ).
    @inline(__always)
    public static func sigmoid(_ x: Vector) -> Vector { 1 / (1 + exp(-x)) }

    /// Hyperbolic tangent with an absolute error below 3e-7.
    @inline(__always)
    public static func tanh(_ x: Vector) -> Vector { 2 / (1 + exp(-2 * x)) - 1 }

    /// The error function with an absolute error below 5e-7 (Abramowitz & Stegun 1964, formula 7.1.26).
    @inline(__always)
    public static func erf(_ x: Vector) -> Vector {
        let size = x.replacing(with: -x, where: x .< 0)
        let t = 1 / (1 + 0.327_591_1 * size)
        var sum = t * 1.061_405_429 - 1.453_152_027
        sum = sum * t + 1.421_413_741
        sum = sum * t - 0.284_496_736
        sum = sum * t + 0.254_829_592
        let value = 1 - sum * t * exp(-size * size)
        return value.replacing(with: -value, where: x .< 0)
    }
}
