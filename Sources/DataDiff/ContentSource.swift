import Base

/// Bytes that can be read from any place: a file, a content of the store, an array.
public struct ContentSource: Sendable {
    /// The length in bytes.
    public let size: Int64
    private let reader: @Sendable (Int64, Int) throws -> [UInt8]

    /// - Parameter read: takes an offset and a length; answers with fewer bytes only at the end.
    public init(size: Int64, read: @escaping @Sendable (_ offset: Int64, _ length: Int) throws -> [UInt8]) {
        self.size = size
        reader = read
    }

    public init(_ bytes: [UInt8]) {
        self.init(size: Int64(bytes.count)) { offset, length in
            let start = min(bytes.count, Int(offset))
            return Array(bytes[start..<min(bytes.count, start + length)])
        }
    }

    /// An open file, as long as it is now.
    public init(file: FileHandle) throws {
        self.init(size: try file.status().size) { offset, length in
            try [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
                initialized = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
        }
    }

    /// Up to `length` bytes from `offset`.
    public func read(at offset: Int64, length: Int) throws -> [UInt8] {
        let left = max(0, size - max(0, offset))
        return left == 0 || length <= 0 ? [] : try reader(offset, Int(min(left, Int64(length))))
    }

    /// The whole content, when it is no longer than `limit`; nil otherwise.
    public func readAll(limit: Int) throws -> [UInt8]? {
        size <= Int64(limit) ? try read(at: 0, length: Int(size)) : nil
    }

    package static let step = 1 << 20

    /// Hands over a range piece by piece, in order.
    func forEachPiece(
        from start: Int64 = 0, to end: Int64? = nil, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = start
        let end = min(size, end ?? size)
        while offset < end {
            let bytes = try read(at: offset, length: Int(min(Int64(ContentSource.step), end - offset)))
            if bytes.isEmpty { throw NotReadable("it ends at byte \(offset), before byte \(end)") }
            try bytes.withUnsafeBytes(body)
            offset += Int64(bytes.count)
        }
    }
}

/// Content that is not what its name or its first bytes claim; whoever compares falls back to a simpler kind.
struct NotReadable: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
