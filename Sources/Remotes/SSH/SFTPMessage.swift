import Base

/// Packets of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02).
enum SFTPMessage {
    /// Types of packets (section 3).
    enum Kind: UInt8 {
        case initialise = 1, version = 2, open = 3, close = 4, read = 5, write = 6, fileStatus = 8
        case openFolder = 11, readFolder = 12, remove = 13, makeFolder = 14, status = 17, rename = 18
        case answerStatus = 101, handle = 102, data = 103, names = 104, attributes = 105
        case extended = 200, extendedReply = 201
    }

    /// How a file is opened (section 6.3).
    struct OpenFlags: OptionSet {
        var rawValue: UInt32
        static let read = OpenFlags(rawValue: 1)
        static let write = OpenFlags(rawValue: 2)
        static let create = OpenFlags(rawValue: 8)
        static let exclusive = OpenFlags(rawValue: 32)
    }

    /// What a status packet says (section 7).
    enum Status: UInt32 {
        case ok = 0, endOfFile, noSuchFile, permissionDenied, failure, badMessage, noConnection, connectionLost
        case unsupported
    }
}

/// Puts the fields of a packet together, all numbers big-endian (section 3).
struct SFTPWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }
    mutating func number(_ value: UInt32) { withUnsafeBytes(of: value.bigEndian) { bytes += $0 } }
    mutating func large(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { bytes += $0 } }

    mutating func string(_ value: some Collection<UInt8>) {
        number(UInt32(value.count))
        bytes += value
    }

    mutating func string(_ text: String) { string(Array(text.utf8)) }
}

/// Takes the fields of a packet; a packet that ends too early is an error, not a crash.
struct SFTPReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() throws -> UInt8 { UInt8(truncatingIfNeeded: try integer(1)) }
    mutating func number() throws -> UInt32 { UInt32(truncatingIfNeeded: try integer(4)) }
    mutating func large() throws -> UInt64 { try integer(8) }

    mutating func string() throws -> [UInt8] { Array(try take(Int(number()))) }

    /// The size among a file's attributes (section 5), and whether it is a folder; the rest is read over.
    mutating func attributes() throws -> (size: UInt64?, isFolder: Bool) {
        let flags = try number()
        let size = flags & 1 != 0 ? try large() : nil
        if flags & 2 != 0 { _ = try take(8) }
        let mode = flags & 4 != 0 ? try number() : 0
        if flags & 8 != 0 { _ = try take(8) }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..<(try number()) {
                _ = try string()
                _ = try string()
            }
        }
        return (size, mode & 0o170000 == 0o040000)
    }

    private mutating func integer(_ count: Int) throws -> UInt64 {
        try take(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw MLError(.corrupt, "an SFTP packet is too short") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
