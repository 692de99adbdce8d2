import CPlatform
import Glibc

/// An open file that closes itself. All calls finish short reads and writes and retry on EINTR.
public final class FileHandle: @unchecked Sendable {
    public private(set) var descriptor: Int32
    public let path: String
    private let owned: Bool

    /// Wraps a descriptor somebody else owns, such as standard input.
    public init(borrowing descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        owned = false
    }

    public convenience init(reading path: String) throws { try self.init(path, O_RDONLY, 0, verb: "open") }

    /// Creates a file that must not exist yet.
    public convenience init(creating path: String, mode: mode_t = 0o666) throws {
        try self.init(path, O_RDWR | O_CREAT | O_EXCL, mode, verb: "create")
    }

    /// Opens for reading and writing, creating the file when it is not there.
    public convenience init(updating path: String, mode: mode_t = 0o666) throws {
        try self.init(path, O_RDWR | O_CREAT, mode, verb: "open")
    }

    /// Opens a file that is there for reading and writing; a symbolic link is refused.
    public convenience init(existing path: String) throws { try self.init(path, O_RDWR | O_NOFOLLOW, 0, verb: "open") }

    /// Opens a file, made when it is not there, so that each write goes to its end, whoever else writes.
    public convenience init(appendingTo path: String, mode: mode_t = 0o666) throws {
        try self.init(path, O_WRONLY | O_CREAT | O_APPEND, mode, verb: "open")
    }

    private init(_ path: String, _ flags: Int32, _ mode: mode_t, verb: String) throws {
        let opened = path.withPath { open($0, flags | O_CLOEXEC, mode) }
        guard opened >= 0 else { throw Files.ioError("cannot \(verb) '\(path)'") }
        descriptor = opened
        self.path = path
        owned = true
    }

    deinit { if owned && descriptor >= 0 { Glibc.close(descriptor) } }

    public func close() throws {
        guard owned, descriptor >= 0 else { return }
        let old = descriptor
        descriptor = -1
        guard Glibc.close(old) == 0 else { throw Files.ioError("cannot close '\(path)'") }
    }

    public func status() throws -> Files.Status {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw Files.ioError("cannot stat '\(path)'") }
        return Files.Status(raw)
    }

    /// Fills as much of `buffer` as there is to read; less than its size only at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try transfer(buffer.count) { Glibc.read(descriptor, buffer.baseAddress?.advanced(by: $0), $1) }
    }

    /// The same from a fixed offset, without moving the file position.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try transfer(buffer.count) {
            pread(descriptor, buffer.baseAddress?.advanced(by: $0), $1, off_t(offset) + off_t($0))
        }
    }

    /// Exactly `count` bytes from `offset`.
    ///
    /// - Throws: `MLError(.corrupt)` when the file ends before.
    public func read(count: Int, at offset: Int64) throws -> [UInt8] {
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        guard bytes.count == count else {
            throw MLError(
                .corrupt, "'\(path)' ends at byte \(offset + Int64(bytes.count)), before byte \(offset + Int64(count))")
        }
        return bytes
    }

    public func readToEnd() throws -> [UInt8] {
        var out: [UInt8] = []
        let step = 1 << 16
        if let size = try? status().size, size > 0 { out.reserveCapacity(Int(size)) }
        while true {
            let part = try [UInt8](unsafeUninitializedCapacity: step) { buffer, initialized in
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            out += part
            if part.count < step { return out }
        }
    }

    /// Hands over the rest of the file, a megabyte at a time.
    public func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    public func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Files.ioError("cannot write '\(path)'")
            }
            done += count
        }
    }

    public func writeAll(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try writeAll($0) } }

    public func writeAll(_ text: String) throws { try writeAll(Array(text.utf8)) }

    /// Writes at an offset in one call; for a part of one page a killed process leaves all of it or nothing.
    public func write(_ bytes: [UInt8], at offset: Int64) throws {
        var count: Int
        repeat { count = pwrite(descriptor, bytes, bytes.count, off_t(offset)) } while count < 0 && errno == EINTR
        guard count == bytes.count else { throw Files.ioError("cannot write '\(path)'") }
    }

    /// Sets the time of the last change.
    public func setModified(seconds: Int64) throws {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: 0)
        guard futimens(descriptor, [time, time]) == 0 else { throw Files.ioError("cannot set the time of '\(path)'") }
    }

    /// Starts to write a range to disk without waiting: a `synchronize` later has less left to do. Only a wish; where the
    /// system does not know it, nothing happens.
    public func beginFlush(_ range: Range<UInt64>) {
        _ = gitml_begin_flush(descriptor, Int64(range.lowerBound), Int64(range.count))
    }

    public func synchronize() throws {
        guard fsync(descriptor) == 0 else { throw Files.ioError("cannot flush '\(path)'") }
    }

    public func seek(to offset: Int64) throws {
        guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw Files.ioError("cannot seek in '\(path)'") }
    }

    public func truncate(to length: Int64) throws {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw Files.ioError("cannot shorten '\(path)'") }
    }

    /// Takes an exclusive advisory lock; the system drops it when the process ends, however it ends.
    ///
    /// - Returns: false when somebody else has it and `wait` is false.
    public func lock(wait: Bool) throws -> Bool { try lock(wait ? LOCK_EX : LOCK_EX | LOCK_NB) }

    /// Takes a shared advisory lock in place of what lock this handle has, waiting for those with an exclusive one.
    public func share() throws { _ = try lock(LOCK_SH) }

    private func lock(_ operation: Int32) throws -> Bool {
        while flock(descriptor, operation) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw Files.ioError("cannot lock '\(path)'")
        }
        return true
    }

    private func transfer(_ total: Int, _ call: (Int, Int) -> Int) throws -> Int {
        var done = 0
        while done < total {
            let count = call(done, total - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Files.ioError("cannot read '\(path)'")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }
}
