/// Sums of numbers that do not depend on the order they are added in, so that what was added can be taken away again.
///
/// Multiples of 2⁻⁷⁰ in 128 bits: single-precision numbers above 10⁻¹⁴ are exact, and sums may reach 10¹⁷.
struct FixedPoint {
    private(set) var units: Int128 = 0

    init(units: Int128) { self.units = units }
    init(_ value: Double) { units = Int128((value * 0x1p70).rounded()) }

    @inline(__always) static func += (sum: inout FixedPoint, value: FixedPoint) { sum.units &+= value.units }
    @inline(__always) static func -= (sum: inout FixedPoint, value: FixedPoint) { sum.units &-= value.units }

    var value: Double {
        let (high, low) = (Int64(truncatingIfNeeded: units >> 64), UInt64(truncatingIfNeeded: units))
        return Double(high) * 0x1p-6 + Double(low) * 0x1p-70
    }
}
