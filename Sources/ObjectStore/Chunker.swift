import Base

/// Cuts content into chunks where the content itself says so, so that an insertion moves the cuts near it and no
/// others.
///
/// FastCDC (Xia et al., USENIX ATC 2016): a Gear hash, no test below the minimum, and normalised chunking, that is a
/// strict mask up to the target length and a loose one after it. `Documentation/formats/store.md` states it exactly.
public struct Chunker: Sendable {
    /// The limits every store uses: 16 KiB, 64 KiB, 256 KiB.
    public static let standard = Chunker(minimum: 16 << 10, target: 64 << 10, maximum: 256 << 10)
    /// Bytes the hash has seen before the first test, so that a cut depends only on the bytes just before it.
    static let window = 64

    /// Lengths in bytes: no chunk but the last of a file is shorter than `minimum`, none is longer than `maximum`.
    public let minimum: Int
    public let target: Int
    public let maximum: Int
    private let strict: UInt64
    private let loose: UInt64

    /// - Parameters: lengths in bytes, `64 <= minimum < target < maximum`, `target` a power of two.
    public init(minimum: Int, target: Int, maximum: Int) {
        precondition(Chunker.window <= minimum && minimum < target && target < maximum && target & (target - 1) == 0)
        self.minimum = minimum
        self.target = target
        self.maximum = maximum
        let bits = target.trailingZeroBitCount
        strict = ~0 << UInt64(64 - (bits + 2))
        loose = ~0 << UInt64(64 - (bits - 2))
    }

    /// The length of the first chunk of `bytes`, which hold at least `maximum` bytes or all that is left of the file.
    public func firstCut(in bytes: UnsafeRawBufferPointer) -> Int {
        let end = min(bytes.count, maximum)
        guard end > minimum, let base = bytes.baseAddress else { return end }
        return GearTable.withEntries { gear in
            let data = base.assumingMemoryBound(to: UInt8.self)
            var hash: UInt64 = 0
            var index = minimum - Chunker.window
            while index < minimum - 1 {
                hash = hash &+ hash &+ gear[Int(data[index])]
                index += 1
            }
            if let cut = scan(data, gear, &hash, &index, until: min(target - 1, end), mask: strict) { return cut }
            return scan(data, gear, &hash, &index, until: end, mask: loose) ?? end
        }
    }

    /// Rolls on from `index`; a cut at byte `i` gives a chunk of `i + 1` bytes.
    @inline(__always)
    private func scan(
        _ data: UnsafePointer<UInt8>, _ gear: UnsafeBufferPointer<UInt64>, _ hash: inout UInt64, _ index: inout Int,
        until end: Int,
        mask: UInt64
    ) -> Int? {
        var h = hash
        var i = index
        // Four bytes a turn: the loop's own cost is as large as the hash's.
        while i + 4 <= end {
            h = h &+ h &+ gear[Int(data[i])]
            if h & mask == 0 { return i + 1 }
            h = h &+ h &+ gear[Int(data[i + 1])]
            if h & mask == 0 { return i + 2 }
            h = h &+ h &+ gear[Int(data[i + 2])]
            if h & mask == 0 { return i + 3 }
            h = h &+ h &+ gear[Int(data[i + 3])]
            if h & mask == 0 { return i + 4 }
            i += 4
        }
        while i < end {
            h = h &+ h &+ gear[Int(data[i])]
            i += 1
            if h & mask == 0 { return i }
        }
        hash = h
        index = i
        return nil
    }

    /// The lengths of all chunks of a whole file.
    public func lengths(of bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBytes { buffer in
            var lengths: [Int] = []
            var start = 0
            while start < buffer.count {
                let length = firstCut(in: UnsafeRawBufferPointer(rebasing: buffer[start...]))
                lengths.append(length)
                start += length
            }
            return lengths
        }
    }

    /// The definition, in plain steps: what `lengths(of:)` must equal.
    public func referenceLengths(of bytes: [UInt8]) -> [Int] {
        var lengths: [Int] = []
        var start = 0
        while start < bytes.count {
            let left = bytes.count - start
            var length = min(left, maximum)
            for candidate in minimum..<max(length, minimum) {
                var hash: UInt64 = 0
                let from = max(minimum - Chunker.window, candidate - Chunker.window)
                for index in from..<candidate { hash = (hash << 1) &+ GearTable.entry(bytes[start + index]) }
                if hash & (candidate < target ? strict : loose) == 0 {
                    length = candidate
                    break
                }
            }
            lengths.append(length)
            start += length
        }
        return lengths
    }
}

/// One 64-bit word for each byte value: the first eight bytes, big-endian, of SHA-256("git-mldata gear v1" + the byte).
public enum GearTable {
    private static let entries: [UInt64] = (0...255).map { value in
        let digest = ObjectID.of(Array("git-mldata gear v1".utf8) + [UInt8(value)])
        return digest.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    public static func entry(_ byte: UInt8) -> UInt64 { entries[Int(byte)] }

    static func withEntries<T>(_ body: (UnsafeBufferPointer<UInt64>) -> T) -> T {
        entries.withUnsafeBufferPointer(body)
    }
}
