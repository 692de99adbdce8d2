/// The features of pairs and triples of a text's tokens, as far as they were looked up.
struct TupleFeatures {
    /// Keys by open addressing, 0 for none; a power of two of them, at most half of them taken.
    private var keys = [UInt64](repeating: 0, count: 1024)
    private var features = [Int32](repeating: 0, count: 1024)
    private var count = 0

    /// The key of two or three tokens, each below 2²¹ − 1.
    @inline(__always) static func key(_ first: Int, _ second: Int, _ third: Int = 1 << 21 - 1) -> UInt64 {
        UInt64(first + 1) << 42 | UInt64(second) << 21 | UInt64(third)
    }

    /// −2 when the tuple was never looked up.
    subscript(key: UInt64) -> Int32 {
        @inline(__always) get {
            keys.withUnsafeBufferPointer { keys in
                var place = TupleFeatures.home(key, keys.count)
                while keys[place] != key {
                    if keys[place] == 0 { return -2 }
                    place = (place + 1) & (keys.count - 1)
                }
                return features[place]
            }
        }
        set {
            if 2 * (count + 1) > keys.count { grow() }
            put(key, newValue)
        }
    }

    @inline(__always) private static func home(_ key: UInt64, _ size: Int) -> Int {
        // The golden ratio spreads neighbouring keys (Knuth, "The Art of Computer Programming" 3, section 6.4).
        Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & (size - 1)
    }

    private mutating func put(_ key: UInt64, _ feature: Int32) {
        var place = TupleFeatures.home(key, keys.count)
        while keys[place] != 0 && keys[place] != key { place = (place + 1) & (keys.count - 1) }
        if keys[place] == 0 { count += 1 }
        keys[place] = key
        features[place] = feature
    }

    private mutating func grow() {
        let (oldKeys, oldFeatures) = (keys, features)
        keys = Array(repeating: 0, count: 2 * oldKeys.count)
        features = Array(repeating: 0, count: 2 * oldKeys.count)
        count = 0
        for (key, feature) in zip(oldKeys, oldFeatures) where key != 0 { put(key, feature) }
    }
}
