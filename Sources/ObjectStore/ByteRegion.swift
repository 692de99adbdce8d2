import Base
import Glibc

/// Bytes that do not move: a file mapped into memory, or a copy on the heap.
final class ByteRegion: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    private let mapped: Bool

    /// Maps a file, which must not change as long as it is mapped: packs and indexes are only ever replaced by rename.
    init(mapping path: String) throws {
        let file = try FileHandle(reading: path)
        let length = Int(try file.status().size)
        guard length > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            mapped = false
            return
        }
        guard let address = mmap(nil, length, PROT_READ, MAP_PRIVATE, file.descriptor, 0), address != MAP_FAILED else {
            throw Files.ioError("cannot map '\(path)'")
        }
        bytes = UnsafeRawBufferPointer(start: address, count: length)
        mapped = true
    }

    init(copying content: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 16)
        copy.copyBytes(from: content)
        bytes = UnsafeRawBufferPointer(copy)
        mapped = false
    }

    deinit {
        guard let base = bytes.baseAddress else { return }
        if mapped {
            munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
        } else {
            bytes.deallocate()
        }
    }
}
