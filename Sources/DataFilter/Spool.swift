import Base
import Glibc
import ObjectStore

/// The whole text of a smudge request.
///
/// It must be read to its end before the first byte of an answer is written, since git does not read while it writes. A
/// blob that is no pointer may be of any size, so what is long waits in an unlinked file.
final class Spool {
    private static let memoryLimit = 8 << 20
    /// The first `Pointer.sizeLimit` bytes, or all if there are fewer.
    let start: [UInt8]
    let length: Int64
    private var rest: [UInt8] = []
    private var file: FileHandle?

    init(_ reader: PacketReader, folder: String) throws {
        start = try [UInt8](unsafeUninitializedCapacity: Pointer.sizeLimit) { buffer, initialized in
            initialized = try reader.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        var total = Int64(start.count)
        if start.count == Pointer.sizeLimit {
            let step = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
            defer { step.deallocate() }
            while true {
                let count = try reader.read(into: step)
                let part = UnsafeRawBufferPointer(rebasing: step[..<count])
                total += Int64(count)
                if file == nil, rest.count + count > Spool.memoryLimit { file = try Spool.temporaryFile(in: folder) }
                if let file { try file.writeAll(part) } else { rest += part }
                if count < step.count { break }
            }
        }
        length = total
    }

    func write(to sink: ByteSink) throws {
        try start.withUnsafeBytes(sink)
        try rest.withUnsafeBytes(sink)
        guard let file else { return }
        try file.seek(to: 0)
        let step = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
        defer { step.deallocate() }
        while true {
            let count = try file.read(into: step)
            try sink(UnsafeRawBufferPointer(rebasing: step[..<count]))
            if count < step.count { return }
        }
    }

    private static func temporaryFile(in folder: String) throws -> FileHandle {
        try Files.makeDirectories(folder + "/tmp")
        let path = Files.temporaryName(beside: folder + "/tmp/spool")
        let file = try FileHandle(creating: path, mode: 0o600)
        try Files.remove(path)
        return file
    }
}
