import Base
import Glibc

/// NumPy's `RandomState`, as far as LIME and SHAP use it, so that an explanation can be repeated against the Python package.
///
/// MT19937 (Matsumoto and Nishimura 1998) seeded by `init_genrand`; bounded numbers by masked rejection on 32-bit
/// draws (numpy/random/src/legacy and mtrand: `randint`, `random_interval`, `shuffle`).
public struct LegacyNumPyRandom: Sendable {
    private var state: [UInt32]
    private var position: Int
    private var spareNormal: Double?

    /// As `numpy.random.RandomState(seed)`.
    public init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(624)
        for index in 1..<624 {
            let previous = state[index - 1]
            state.append(1_812_433_253 &* (previous ^ previous >> 30) &+ UInt32(index))
        }
        position = 624
    }

    /// The next 32 bits.
    public mutating func next() -> UInt32 {
        if position == 624 { twist() }
        var y = state[position]
        position += 1
        y ^= y >> 11
        y ^= y << 7 & 0x9d2c_5680
        y ^= y << 15 & 0xefc6_0000
        return y ^ y >> 18
    }

    /// As `randint(low, low + span)`: low...low + span − 1.
    public mutating func integer(from low: Int, span: Int) -> Int { low + interval(UInt32(span - 1)) }

    /// As `permutation(count)`: Fisher-Yates from the top.
    public mutating func permutation(_ count: Int) -> [Int] {
        var out = Array(0..<count)
        guard count > 1 else { return out }
        for index in stride(from: count - 1, to: 0, by: -1) { out.swapAt(index, interval(UInt32(index))) }
        return out
    }

    /// As `random_sample()`: uniform in [0, 1) with 53 bits.
    public mutating func uniform() -> Double {
        let high = Double(next() >> 5)
        let low = Double(next() >> 6)
        return (high * 67_108_864 + low) / 9_007_199_254_740_992
    }

    /// As `randn()`: Marsaglia's polar method; the second number of a pair is kept for the next call.
    public mutating func normal() -> Double {
        if let value = spareNormal {
            spareNormal = nil
            return value
        }
        while true {
            let x = 2 * uniform() - 1
            let y = 2 * uniform() - 1
            let square = x * x + y * y
            guard square < 1, square != 0 else { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            spareNormal = factor * x
            return factor * y
        }
    }

    /// 0...largest: draws under the smallest mask of ones until one fits. No draw for 0.
    private mutating func interval(_ largest: UInt32) -> Int {
        if largest == 0 { return 0 }
        let mask = UInt32.max >> UInt32(largest.leadingZeroBitCount)
        while true {
            let value = next() & mask
            if value <= largest { return Int(value) }
        }
    }

    private mutating func twist() {
        for index in 0..<624 {
            let y = state[index] & 0x8000_0000 | state[(index + 1) % 624] & 0x7fff_ffff
            state[index] = state[(index + 397) % 624] ^ y >> 1 ^ (y & 1 == 1 ? 0x9908_b0df : 0)
        }
        position = 0
    }
}
