/// A 128-bit hash of a row: two rows are the same when their hashes are.
///
/// MurmurHash3_x64_128 (Austin Appleby, 2011; public domain description), seed 0. It is no cryptographic hash: it tells
/// rows apart in a report, nothing is stored or fetched under it.
public struct RowHash: Hashable, Comparable, Sendable {
    public var high: UInt64
    public var low: UInt64

    private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
    private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

    public init(_ bytes: UnsafeRawBufferPointer) {
        var h1: UInt64 = 0
        var h2: UInt64 = 0
        let blocks = bytes.count / 16
        for block in 0..<blocks {
            let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: block * 16, as: UInt64.self))
            let k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: block * 16 + 8, as: UInt64.self))
            h1 ^= RowHash.rotate(k1 &* RowHash.c1, 31) &* RowHash.c2
            h1 = (RowHash.rotate(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
            h2 ^= RowHash.rotate(k2 &* RowHash.c2, 33) &* RowHash.c1
            h2 = (RowHash.rotate(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
        }
        var k1: UInt64 = 0
        var k2: UInt64 = 0
        for (index, byte) in bytes[(blocks * 16)...].enumerated() {
            if index < 8 {
                k1 |= UInt64(byte) << UInt64(8 * index)
            } else {
                k2 |= UInt64(byte) << UInt64(8 * index - 64)
            }
        }
        h2 ^= RowHash.rotate(k2 &* RowHash.c2, 33) &* RowHash.c1
        h1 ^= RowHash.rotate(k1 &* RowHash.c1, 31) &* RowHash.c2
        h1 ^= UInt64(bytes.count)
        h2 ^= UInt64(bytes.count)
        h1 &+= h2
        h2 &+= h1
        h1 = RowHash.finish(h1)
        h2 = RowHash.finish(h2)
        h1 &+= h2
        h2 &+= h1
        high = h1
        low = h2
    }

    public init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { RowHash($0) } }

    /// The same whatever the order of additions: for things without one, such as the keys of an object.
    static func + (a: RowHash, b: RowHash) -> RowHash {
        RowHash(high: a.high &+ b.high, low: a.low &+ b.low)
    }

    static let zero = RowHash(high: 0, low: 0)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func < (a: RowHash, b: RowHash) -> Bool { a.high != b.high ? a.high < b.high : a.low < b.low }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 { value << by | value >> (64 - by) }

    @inline(__always)
    private static func finish(_ value: UInt64) -> UInt64 {
        var k = value
        k ^= k >> 33
        k &*= 0xff51_afd7_ed55_8ccd
        k ^= k >> 33
        k &*= 0xc4ce_b9fe_1a85_ec53
        k ^= k >> 33
        return k
    }
}
