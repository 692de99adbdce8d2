import Base
import ObjectStore

/// Takes a part of an answer's body, with the answer's status (200: from the beginning, 206: the range asked for).
typealias HTTPSink = (_ status: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void

/// A request's body, read while it is sent.
package struct HTTPStream {
    var length: Int64
    /// Fills the buffer; 0 at the end.
    var read: ByteSource
    /// Starts again at the first byte.
    var rewind: () throws -> Void

    init(length: Int64, read: @escaping ByteSource, rewind: @escaping () throws -> Void) {
        self.length = length
        self.read = read
        self.rewind = rewind
    }

    init(_ bytes: [UInt8]) {
        var sent = 0
        length = Int64(bytes.count)
        rewind = { sent = 0 }
        read = { buffer in
            let part = min(buffer.count, bytes.count - sent)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + part]))
            }
            sent += part
            return part
        }
    }
}

extension HTTPStream {
    /// A part of a file.
    init(_ file: FileHandle, _ range: Range<Int64>) {
        var position = range.lowerBound
        self.init(
            length: range.upperBound - range.lowerBound,
            read: { buffer in
                let part = Int(min(Int64(buffer.count), range.upperBound - position))
                if part == 0 { return 0 }
                let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<part]), at: position)
                guard count > 0 else { throw MLError(.io, "'\(file.path)' became shorter while it was sent") }
                position += Int64(count)
                return count
            }, rewind: { position = range.lowerBound })
    }
}
