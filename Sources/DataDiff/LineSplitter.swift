import Glibc

/// Cuts a stream of bytes into lines, without their line feeds. Lines inside one piece are not copied.
struct LineSplitter {
    /// A longer line is taken for binary data, so that memory stays bounded.
    static let limit = 64 << 20
    private var rest: [UInt8] = []
    /// Whether the last byte fed was a line feed (or nothing was fed).
    private(set) var endsWithLineFeed = true

    mutating func feed(_ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let base = piece.baseAddress, piece.count > 0 else { return }
        endsWithLineFeed = piece[piece.count - 1] == 10
        var start = 0
        while start < piece.count, let found = memchr(base + start, 10, piece.count - start) {
            let end = UnsafeRawPointer(found) - base
            let line = UnsafeRawBufferPointer(rebasing: piece[start..<end])
            if rest.isEmpty {
                try body(line)
            } else {
                rest.append(contentsOf: line)
                try rest.withUnsafeBytes(body)
                rest.removeAll(keepingCapacity: true)
            }
            start = end + 1
        }
        rest.append(contentsOf: piece[start...])
        if rest.count > LineSplitter.limit { throw NotReadable("a line is longer than \(LineSplitter.limit) bytes") }
    }

    /// Hands over what stands behind the last line feed.
    mutating func finish(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if !rest.isEmpty { try rest.withUnsafeBytes(body) }
        rest = []
    }
}

extension ContentSource {
    /// Every line, without its line feed.
    func forEachLine(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var splitter = LineSplitter()
        try forEachPiece { try splitter.feed($0, body) }
        try splitter.finish(body)
    }
}
