import Base
import CGit2

/// The id of a Git object: 40 hex digits (SHA-1).
///
/// 20 bytes held in three words (big-endian, so that comparing words compares digits): a value without allocation, since
/// rewriting a history keeps millions of them.
public struct GitID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Bytes of an id.
    public static let byteCount = 20
    private let a, b: UInt64
    private let c: UInt32

    /// Takes 40 lower-case hex digits; nil otherwise.
    public init?(_ hex: some StringProtocol) {
        guard hex.utf8.count == 2 * GitID.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
        for (index, character) in hex.utf8.enumerated() {
            let digit: UInt8
            switch character {
            case 0x30...0x39: digit = character - 0x30
            case 0x61...0x66: digit = character - 0x61 + 10
            default: return nil
            }
            if index < 16 {
                words.0 = words.0 << 4 | UInt64(digit)
            } else if index < 32 {
                words.1 = words.1 << 4 | UInt64(digit)
            } else {
                words.2 = words.2 << 4 | UInt64(digit)
            }
        }
        (a, b, c) = (words.0, words.1, UInt32(words.2))
    }

    /// Takes the 20 bytes at the start of `bytes`, which must hold so many.
    init(_ bytes: UnsafeRawBufferPointer) {
        a = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        b = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        c = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    /// The id that git gives a blob with this content.
    public init(ofBlob content: [UInt8]) {
        let object = Array("blob \(content.count)\0".utf8) + content
        self = object.withUnsafeBytes { SHA1.digest($0) }.withUnsafeBytes { GitID($0) }
    }

    init(_ oid: git_oid) { self = withUnsafeBytes(of: oid) { GitID($0) } }

    var raw: git_oid {
        var oid = git_oid()
        withUnsafeMutableBytes(of: &oid) { $0.copyBytes(from: bytes) }
        return oid
    }

    /// The 20 bytes.
    var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: GitID.byteCount) { buffer, count in
            let target = UnsafeMutableRawBufferPointer(buffer)
            target.storeBytes(of: a.bigEndian, toByteOffset: 0, as: UInt64.self)
            target.storeBytes(of: b.bigEndian, toByteOffset: 8, as: UInt64.self)
            target.storeBytes(of: c.bigEndian, toByteOffset: 16, as: UInt32.self)
            count = GitID.byteCount
        }
    }

    /// 40 lower-case digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 2 * GitID.byteCount) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = digits[Int(byte >> 4)]
                buffer[2 * index + 1] = digits[Int(byte & 15)]
            }
            return 2 * GitID.byteCount
        }
    }

    public var description: String { hex }
    /// The first seven digits, for people.
    public var short: String { String(hex.prefix(7)) }
    public var isZero: Bool { a == 0 && b == 0 && c == 0 }
    /// What Git writes where there is no object: a ref that does not exist yet.
    public static let zero = GitID(git_oid())

    public static func < (lhs: GitID, rhs: GitID) -> Bool { (lhs.a, lhs.b, lhs.c) < (rhs.a, rhs.b, rhs.c) }
}
