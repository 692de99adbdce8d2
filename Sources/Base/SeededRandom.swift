/// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// A draw depends only on seed, purpose and position, never on threads, time or the order of calls,
/// so work can be split in any way and still give the same bytes.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private let key: (UInt32, UInt32)
    private let stream: UInt64
    private var counter: UInt64
    private var spare: UInt64?

    /// - Parameters:
    ///   - seed: the user's seed.
    ///   - purpose: what the numbers are for ("shuffle", "dropout.2"): another purpose, another stream.
    ///   - position: where in that purpose (epoch, row, sample): another position, another stream.
    public init(seed: UInt64, purpose: String, position: UInt64 = 0) {
        // FNV-1a keeps the purpose's spelling out of the key schedule and is stable across platforms.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        let mixed = SeededRandom.mix(seed ^ SeededRandom.mix(hash))
        key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
        stream = position
        counter = 0
    }

    public mutating func next() -> UInt64 {
        if let value = spare {
            spare = nil
            return value
        }
        let block = SeededRandom.philox(
            (
                UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
                UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
            ), key: key)
        counter &+= 1
        spare = UInt64(block.2) | UInt64(block.3) << 32
        return UInt64(block.0) | UInt64(block.1) << 32
    }

    /// Uniform in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in 0..<bound without bias (Lemire's multiply and reject).
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "bound must be positive")
        let range = UInt64(bound)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// Ten rounds of Philox4x32 on one counter block.
    public static func philox(
        _ input: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var x = input
        var k = key
        for round in 0..<10 {
            if round > 0 { k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85) }
            let p0 = UInt64(0xD251_1F53) * UInt64(x.0)
            let p1 = UInt64(0xCD9E_8D57) * UInt64(x.2)
            x = (
                UInt32(truncatingIfNeeded: p1 >> 32) ^ x.1 ^ k.0, UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ x.3 ^ k.1, UInt32(truncatingIfNeeded: p0)
            )
        }
        return x
    }

    /// The finaliser of SplitMix64: spreads close seeds over the whole key space.
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
