import Base
import CZstd

/// zstd (RFC 8878) over whole chunks, with contexts kept for the next one.
package final class Compressor: @unchecked Sendable {
    /// zstd's own default: levels above cost a multiple of the time for a few per cent.
    static let level: Int32 = 3
    private let context: OpaquePointer

    package init() throws {
        guard let context = ZSTD_createCCtx() else { throw MLError(.io, "not enough memory to compress") }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The compressed bytes, or nil where they would save less than 3 per cent.
    package func compress(_ raw: UnsafeRawBufferPointer) -> [UInt8]? {
        // A result that does not fit in 97 per cent is not wanted: zstd stops when the room is used up.
        let room = raw.count - raw.count / 32 - 1
        guard room > 0 else { return nil }
        var length = 0
        let out = [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
            let result = ZSTD_compressCCtx(
                context, buffer.baseAddress, room, raw.baseAddress, raw.count, Compressor.level)
            length = ZSTD_isError(result) != 0 ? 0 : result
            initialized = length
        }
        return length == 0 ? nil : out
    }
}

/// Compression contexts for as many threads as need one at once.
final class CompressorPool: Sendable {
    private final class Box: @unchecked Sendable { var free: [Compressor] = [] }
    private let mutex = Mutex()
    private let box = Box()

    func compress(_ raw: UnsafeRawBufferPointer) throws -> [UInt8]? {
        let compressor = try mutex.withLock { box.free.popLast() } ?? Compressor()
        defer { mutex.withLock { box.free.append(compressor) } }
        return compressor.compress(raw)
    }
}

/// The raw bytes of a stored object.
///
/// - Returns: nil when `stored` does not decompress to exactly `rawLength` bytes.
func decompress(_ stored: UnsafeRawBufferPointer, codec: Codec, rawLength: Int) -> [UInt8]? {
    switch codec {
    case .raw: return stored.count == rawLength ? Array(stored) : nil
    case .zstd:
        // A frame that does not announce this length would make a damaged header allocate at will.
        guard ZSTD_getFrameContentSize(stored.baseAddress, stored.count) == UInt64(rawLength) else { return nil }
        let out = [UInt8](unsafeUninitializedCapacity: rawLength) { buffer, initialized in
            let result = ZSTD_decompress(buffer.baseAddress, rawLength, stored.baseAddress, stored.count)
            initialized = ZSTD_isError(result) != 0 ? 0 : result
        }
        return out.count == rawLength ? out : nil
    }
}
