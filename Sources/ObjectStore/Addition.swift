import Base

/// The pipeline for one long file: while a batch is hashed and compressed, the next is read.
struct Addition {
    let writer: PackWriter
    let buffers: AddBuffers
    let source: ByteSource
    private var hasher = SHA256Hasher()
    private var parts: [Recipe.Part] = []
    private var result = AddResult(pointer: Pointer(oid: .zero, size: 0))

    init(writer: PackWriter, buffers: AddBuffers, source: @escaping ByteSource) {
        self.writer = writer
        self.buffers = buffers
        self.source = source
    }

    /// - Parameter first: how many bytes the buffer in work holds already.
    mutating func run(first: Int) throws -> AddResult {
        var batch = UnsafeRawBufferPointer(rebasing: buffers.current[..<first])
        var fresh = first
        var more = first == AddBuffers.batch
        while true {
            let cuts = lengths(of: batch, isLast: !more)
            let next = try process(batch, cuts: cuts, fresh: fresh, readNext: more)
            let rest = UnsafeRawBufferPointer(rebasing: batch[cuts.reduce(0, +)...])
            guard more else { break }
            try writer.rollOver()
            batch = buffers.swap(keeping: rest, count: next)
            fresh = next
            more = next == AddBuffers.batch
        }
        result.pointer = Pointer(oid: hasher.finish(), size: result.pointer.size)
        try writer.addRecipe(parts, to: &result)
        return result
    }

    /// The chunks that can be cut now: all but the last, whose end may lie in the next batch.
    private func lengths(of batch: UnsafeRawBufferPointer, isLast: Bool) -> [Int] {
        let chunker = writer.store.chunker
        var lengths: [Int] = []
        var start = 0
        while start < batch.count, isLast || batch.count - start >= chunker.maximum {
            let length = chunker.firstCut(in: UnsafeRawBufferPointer(rebasing: batch[start...]))
            lengths.append(length)
            start += length
        }
        return lengths
    }

    /// What one of the parallel jobs of a batch brings.
    private enum Job: Sendable {
        case read(Int)
        case hashed(SHA256Hasher)
        case cut(Cut)
    }

    /// Hashes the new bytes, handles the chunks and reads the next batch, all at once; then writes the chunks in order.
    ///
    /// - Returns: bytes read into the other buffer.
    private mutating func process(
        _ batch: UnsafeRawBufferPointer, cuts: [Int], fresh: Int, readNext: Bool
    ) throws -> Int {
        var starts: [Int] = []
        var start = 0
        for length in cuts {
            starts.append(start)
            start += length
        }
        let work = Work(batch: batch, target: buffers.next, source: source)
        let before = hasher
        let writer = writer
        let jobs = try parallelMap(count: cuts.count + 2, workers: processorCount() + 1) { [starts] job -> Job in
            switch job {
            case 0: return .read(readNext ? try work.source(work.target) : 0)
            case 1:
                var next = before
                next.update(UnsafeRawBufferPointer(rebasing: work.batch[(work.batch.count - fresh)...]))
                return .hashed(next)
            default:
                let from = starts[job - 2]
                return .cut(
                    try Cut(UnsafeRawBufferPointer(rebasing: work.batch[from..<from + cuts[job - 2]]), oid: nil, writer)
                )
            }
        }
        var read = 0
        for job in jobs {
            switch job {
            case .read(let count): read = count
            case .hashed(let next): hasher = next
            case .cut(let chunk):
                parts.append(Recipe.Part(id: chunk.id, length: UInt32(chunk.raw.count)))
                try writer.record(chunk, in: &result)
            }
        }
        result.pointer.size += Int64(fresh)
        return read
    }

    /// What the jobs share. They touch different bytes, and only one of them calls the source.
    private struct Work: @unchecked Sendable {
        let batch: UnsafeRawBufferPointer
        let target: UnsafeMutableRawBufferPointer
        let source: ByteSource
    }
}
