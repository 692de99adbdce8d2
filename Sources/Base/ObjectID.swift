/// The SHA-256 of some content: the name of a file, a chunk, a pack or a stage run.
///
/// 32 bytes held in four words (big-endian, so that comparing words compares bytes): a value without allocation.
public struct ObjectID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let byteCount = 32
    private let a, b, c, d: UInt64

    /// Takes exactly 32 bytes; nil otherwise.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == ObjectID.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (index, byte) in bytes.enumerated() {
            switch index >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        (a, b, c, d) = words
    }

    /// The same for bytes in memory, without looking at each one alone.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == ObjectID.byteCount else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        (a, b, c, d) = (word(0), word(8), word(16), word(24))
    }

    /// Takes 64 lower-case hex digits; nil otherwise.
    public init?(hex: some StringProtocol) {
        var hex = String(hex)
        guard let id = hex.withUTF8({ ObjectID(hexDigits: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = id
    }

    /// The same for digits in memory.
    public init?(hexDigits: UnsafeRawBufferPointer) {
        guard hexDigits.count == 2 * ObjectID.byteCount else { return nil }
        func word(_ start: Int) -> UInt64? {
            var value: UInt64 = 0
            for index in start..<start + 16 {
                guard let digit = Hex.nibble(hexDigits[index]) else { return nil }
                value = value << 4 | UInt64(digit)
            }
            return value
        }
        guard let a = word(0), let b = word(16), let c = word(32), let d = word(48) else { return nil }
        (self.a, self.b, self.c, self.d) = (a, b, c, d)
    }

    public var bytes: [UInt8] {
        var out = [UInt8]()
        out.reserveCapacity(ObjectID.byteCount)
        for word in [a, b, c, d] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                out.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return out
    }

    public var hex: String { Hex.encode(bytes) }
    public var description: String { hex }
    /// The first twelve digits, for people.
    public var short: String { String(hex.prefix(12)) }
    /// The first byte: the bucket of a fan-out table.
    public var firstByte: Int { Int(a >> 56) }

    public static func < (lhs: ObjectID, rhs: ObjectID) -> Bool {
        if lhs.a != rhs.a { return lhs.a < rhs.a }
        if lhs.b != rhs.b { return lhs.b < rhs.b }
        if lhs.c != rhs.c { return lhs.c < rhs.c }
        return lhs.d < rhs.d
    }
}
