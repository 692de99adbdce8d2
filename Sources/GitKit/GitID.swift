import CGit2

/// The id of a Git object: 40 hex digits (SHA-1).
public struct GitID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let hex: String

    /// Takes 40 lower-case hex digits; nil otherwise.
    public init?(_ hex: some StringProtocol) {
        guard hex.utf8.count == 40, hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.hex = String(hex)
    }

    init(_ oid: git_oid) {
        var copy = oid
        var buffer = [CChar](repeating: 0, count: 41)
        git_oid_tostr(&buffer, buffer.count, &copy)
        hex = String(decoding: buffer.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var raw: git_oid {
        var oid = git_oid()
        git_oid_fromstr(&oid, hex)
        return oid
    }

    public var description: String { hex }
    /// The first seven digits, for people.
    public var short: String { String(hex.prefix(7)) }
    public var isZero: Bool { hex.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
    /// What Git writes where there is no object: a ref that does not exist yet.
    public static let zero = GitID(git_oid())

    public static func < (lhs: GitID, rhs: GitID) -> Bool { lhs.hex < rhs.hex }
}
