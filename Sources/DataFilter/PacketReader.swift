import Base
import Glibc

/// Reads packet lines from git's end of a pipe.
final class PacketReader {
    private let descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Bytes of the packet in work that were not taken yet; nil between packets.
    private var left: Int?
    private var contentEnded = true

    init(descriptor: Int32) {
        self.descriptor = descriptor
        buffer = .allocate(byteCount: 256 << 10, alignment: 4096)
        // A pipe of 1 MiB instead of 64 KiB spares most of the switches between git and the filter. 1031 is
        // F_SETPIPE_SZ; where it is not allowed, or the input is no pipe, nothing changes.
        _ = fcntl(descriptor, 1031, 1 << 20)
    }

    deinit { buffer.deallocate() }

    enum Packet: Equatable {
        /// A text packet without its line feed.
        case line([UInt8])
        case flush
        /// The other side closed the pipe between two packets.
        case end
    }

    /// The next packet of a list.
    func next() throws -> Packet {
        guard try fill(4) else {
            if end == start { return .end }
            throw PacketReader.cutOff
        }
        guard let size = try header() else { return .flush }
        guard try fill(size) else { throw PacketReader.cutOff }
        var line = Array(buffer[start..<start + size])
        start += size
        if line.last == 10 { line.removeLast() }
        return .line(line)
    }

    /// The lines up to the next flush; nil when the pipe was closed before the first of them.
    func list() throws -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        while true {
            switch try next() {
            case .line(let line): lines.append(line)
            case .flush: return lines
            case .end:
                if lines.isEmpty { return nil }
                throw PacketReader.cutOff
            }
        }
    }

    /// Starts on the content of a request.
    func beginContent() {
        contentEnded = false
        left = nil
    }

    /// Fills `target` with content; less than all of it only at the content's end.
    func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < target.count, !contentEnded {
            if left == nil {
                guard try fill(4) else { throw PacketReader.cutOff }
                left = try header()
                if left == nil { contentEnded = true }
                continue
            }
            let wanted = min(left ?? 0, target.count - done)
            if wanted > 0 {
                guard try fill(1) else { throw PacketReader.cutOff }
                let count = min(wanted, end - start)
                UnsafeMutableRawBufferPointer(rebasing: target[done..<done + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
                start += count
                done += count
                left = (left ?? 0) - count
            }
            if left == 0 { left = nil }
        }
        return done
    }

    /// Reads what is left of the content and forgets it.
    func skipContent() throws {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        while try read(into: scratch) > 0 {}
    }

    static let cutOff = MLError(.failed, "git closed the connection in the middle of a request")

    private func header() throws -> Int? {
        let digits = Array(buffer[start..<start + 4])
        start += 4
        return try PktLine.payloadSize(digits)
    }

    /// Makes at least `count` bytes available; false at the end of the input.
    private func fill(_ count: Int) throws -> Bool {
        if end - start >= count { return true }
        if start > 0 {
            let rest = end - start
            if rest > 0, let base = buffer.baseAddress { memmove(base, base + start, rest) }
            (start, end) = (0, rest)
        }
        while end < count {
            let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: end), buffer.count - end)
            if got < 0 {
                if errno == EINTR { continue }
                throw Files.ioError("cannot read from git")
            }
            if got == 0 { return false }
            end += got
        }
        return true
    }
}
