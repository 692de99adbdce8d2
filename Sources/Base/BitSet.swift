/// A fixed number of bits.
public struct BitSet: Hashable, Sendable {
    public let count: Int
    @usableFromInline var words: [UInt64]

    /// All bits set, or none.
    public init(count: Int, all: Bool = false) {
        self.count = count
        words = Array(repeating: all ? ~0 : 0, count: (count + 63) / 64)
        if all, count % 64 > 0 { words[words.count - 1] = (1 << UInt64(count % 64)) - 1 }
    }

    /// Bits `indices` of `count` are set.
    public init(count: Int, _ indices: some Sequence<Int>) {
        self.init(count: count)
        for index in indices { self[index] = true }
    }

    @inlinable
    public subscript(index: Int) -> Bool {
        get { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }
        set {
            let bit: UInt64 = 1 << UInt64(index & 63)
            if newValue { words[index >> 6] |= bit } else { words[index >> 6] &= ~bit }
        }
    }

    /// One word for the hasher, whatever the length: sets are looked up by the thousand.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        var folded: UInt64 = 0
        for word in words {
            folded = (folded ^ word) &* 0x9e37_79b9_7f4a_7c15
            folded ^= folded >> 29
        }
        hasher.combine(folded)
    }

    /// How many bits are set.
    @inlinable
    public var population: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The bits that are not set.
    public var complement: BitSet {
        var out = BitSet(count: count, all: true)
        for index in words.indices { out.words[index] &= ~words[index] }
        return out
    }

    /// The bits set in either; both have the same count.
    public func union(_ other: BitSet) -> BitSet {
        var out = self
        for index in out.words.indices { out.words[index] |= other.words[index] }
        return out
    }

    /// Calls `body` with every set bit, from the lowest.
    @inlinable @inline(__always)
    public func forEach(_ body: (Int) -> Void) {
        for (position, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                body(position << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
    }
}
