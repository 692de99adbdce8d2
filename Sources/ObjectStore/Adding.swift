import Base
import Glibc

/// What adding a file did.
public struct AddResult: Hashable, Sendable {
    public var pointer: Pointer
    /// Bytes of the file in chunks the store did not have.
    public var newBytes: Int64 = 0
    /// Bytes of the file in chunks the store had.
    public var reusedBytes: Int64 = 0
    /// Bytes the pack grew by, compressed, headers included.
    public var storedBytes: Int64 = 0
    /// How many chunks the file has.
    public var chunks = 0
}

/// Fills the buffer as far as it can; less than all of it only at the end of the content.
public typealias ByteSource = (UnsafeMutableRawBufferPointer) throws -> Int

extension PackWriter {
    /// Stores a file.
    ///
    /// Memory stays below 16 MiB whatever the length, but for 36 bytes a chunk. Hashing, compression and reading of
    /// long files overlap; the result does not depend on it.
    ///
    /// - Throws: `MLError(.invalidInput)` for empty content, which Git keeps as an empty blob; errors of `source`;
    ///   `MLError(.io)`.
    public func add(_ source: ByteSource) throws -> AddResult {
        try rollOver()
        let buffers = takeBuffers()
        defer { giveBack(buffers) }
        var count = try source(buffers.firstFill)
        guard count > 0 else { throw MLError(.invalidInput, "an empty file is not stored") }
        if count < AddBuffers.quick { return try addWhole(UnsafeRawBufferPointer(rebasing: buffers.current[..<count])) }
        count += try source(buffers.fill(after: count))
        return try withoutActuallyEscaping(source) { source in
            var addition = Addition(writer: self, buffers: buffers, source: source)
            return try addition.run(first: count)
        }
    }

    /// Stores a file held in memory.
    public func add(_ bytes: [UInt8]) throws -> AddResult {
        if bytes.count < AddBuffers.quick, !bytes.isEmpty { return try bytes.withUnsafeBytes { try addWhole($0) } }
        var offset = 0
        return try add { buffer in
            let count = min(buffer.count, bytes.count - offset)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
            }
            offset += count
            return count
        }
    }

    /// The whole of a short file, on this thread: handing work over costs more than the work.
    private func addWhole(_ bytes: UnsafeRawBufferPointer) throws -> AddResult {
        let oid = ObjectID.of(bytes)
        var result = AddResult(pointer: Pointer(oid: oid, size: Int64(bytes.count)))
        var parts: [Recipe.Part] = []
        var start = 0
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let length = store.chunker.firstCut(in: rest)
            let chunk = try Cut(
                UnsafeRawBufferPointer(rebasing: rest[..<length]), oid: length == bytes.count ? oid : nil, self)
            parts.append(Recipe.Part(id: chunk.id, length: UInt32(length)))
            try record(chunk, in: &result)
            start += length
        }
        try addRecipe(parts, to: &result)
        return result
    }

    func record(_ chunk: Cut, in result: inout AddResult) throws {
        result.chunks += 1
        let grown = try chunk.isKnown ? 0 : chunk.withRecord { try append($0) }
        result.storedBytes += Int64(grown)
        if grown > 0 { result.newBytes += Int64(chunk.raw.count) } else { result.reusedBytes += Int64(chunk.raw.count) }
    }

    func addRecipe(_ parts: [Recipe.Part], to result: inout AddResult) throws {
        let oid = result.pointer.oid
        guard parts.count > 1, try !has(oid) else { return }
        let bytes = Recipe(oid: oid, parts: parts).encoded
        result.storedBytes += Int64(
            try bytes.withUnsafeBytes {
                try append(Record(id: oid, kind: .recipe, codec: .raw, stored: $0, rawLength: bytes.count))
            })
    }
}

/// One chunk, hashed and, when it is new, compressed.
struct Cut: @unchecked Sendable {
    let raw: UnsafeRawBufferPointer
    let id: ObjectID
    let isKnown: Bool
    private let compressed: [UInt8]?

    init(_ raw: UnsafeRawBufferPointer, oid: ObjectID?, _ writer: PackWriter) throws {
        self.raw = raw
        id = oid ?? ObjectID.of(raw)
        isKnown = try writer.has(id)
        compressed = isKnown ? nil : try writer.store.compressors.compress(raw)
    }

    /// Valid as long as the chunk's own bytes are; the compressed bytes live as long as `self`.
    func withRecord<T>(_ body: (PackWriter.Record) throws -> T) rethrows -> T {
        guard let compressed else {
            return try body(PackWriter.Record(id: id, kind: .chunk, codec: .raw, stored: raw, rawLength: raw.count))
        }
        return try compressed.withUnsafeBytes {
            try body(PackWriter.Record(id: id, kind: .chunk, codec: .zstd, stored: $0, rawLength: raw.count))
        }
    }
}

/// Two buffers: one is worked on while the other is filled.
///
/// Each has room in front for the piece of a chunk the other one ended with.
final class AddBuffers: @unchecked Sendable {
    static let batch = 4 << 20
    /// Files shorter than this are handled on one thread.
    static let quick = 256 << 10
    static let headroom = Chunker.standard.maximum
    private let memory: [UnsafeMutableRawBufferPointer]
    private var turn = 0

    init() {
        // Memory that is never touched is never taken, so small files cost a few pages only.
        memory = (0..<2).map { _ in
            .allocate(byteCount: AddBuffers.headroom + AddBuffers.batch, alignment: 4096)
        }
    }

    deinit { for buffer in memory { buffer.deallocate() } }

    /// The content part of the buffer in work.
    var current: UnsafeMutableRawBufferPointer { content(turn) }
    /// The content part of the buffer to fill.
    var next: UnsafeMutableRawBufferPointer { content(1 - turn) }
    var firstFill: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: current[..<AddBuffers.quick])
    }

    func fill(after count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: current[count...])
    }

    /// Turns to the other buffer and puts `rest`, the end of the old one, in front of its content.
    ///
    /// - Returns: the rest and `count` bytes behind it.
    func swap(keeping rest: UnsafeRawBufferPointer, count: Int) -> UnsafeRawBufferPointer {
        turn = 1 - turn
        let start = AddBuffers.headroom - rest.count
        let whole = UnsafeMutableRawBufferPointer(rebasing: memory[turn][start..<AddBuffers.headroom + count])
        whole.copyMemory(from: rest)
        return UnsafeRawBufferPointer(whole)
    }

    private func content(_ which: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[which][AddBuffers.headroom...])
    }
}
