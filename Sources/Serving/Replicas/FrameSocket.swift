import Base
import Glibc

/// Frames over a stream socket: four bytes of length, little endian, then so many bytes.
final class FrameSocket {
    enum Failure: Error {
        /// The other side is gone.
        case ended
        /// It did not answer in time.
        case late
    }

    let descriptor: Int32
    private var received: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// - Parameter descriptor: is closed with the value.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// - Parameter end: a moment of `MonotonicTime.nanoseconds`; nil waits for ever.
    func write(_ payload: [UInt8], until end: UInt64? = nil) throws {
        var frame = FrameWriter()
        frame.number(payload.count)
        frame.bytes += payload
        var sent = 0
        while sent < frame.bytes.count {
            let count = frame.bytes.withUnsafeBytes {
                send(
                    descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try wait(Int16(POLLOUT), until: end)
            } else if errno != EINTR {
                throw Failure.ended
            }
        }
    }

    func read(until end: UInt64? = nil) throws -> [UInt8] {
        while true {
            if received.count >= 4 {
                let length = (0..<4).reduce(0) { $0 | Int(received[$1]) << (8 * $1) }
                if received.count >= 4 + length {
                    let frame = Array(received[4..<4 + length])
                    received.removeSubrange(..<(4 + length))
                    return frame
                }
            }
            if end != nil { try wait(Int16(POLLIN), until: end) }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 || errno != EINTR {
                throw Failure.ended
            }
        }
    }

    /// Whether the other side has closed.
    var isGone: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 0) > 0 else { return false }
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) <= 0
    }

    private func wait(_ events: Int16, until end: UInt64?) throws {
        while true {
            var milliseconds: Int32 = -1
            if let end {
                let now = MonotonicTime.nanoseconds()
                guard now < end else { throw Failure.late }
                milliseconds = Int32(min((end - now) / 1_000_000 + 1, 1_000_000))
            }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            if poll(&entry, 1, milliseconds) > 0 { return }
        }
    }
}

/// Numbers and texts of a frame.
struct FrameWriter {
    var bytes: [UInt8] = []

    mutating func number(_ value: Int) {
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }

    mutating func text(_ text: String) {
        number(text.utf8.count)
        bytes += text.utf8
    }

    mutating func values(_ row: [Double]) { row.withUnsafeBytes { bytes += $0 } }
}

struct FrameReader {
    let bytes: [UInt8]
    var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number() throws -> Int {
        guard place + 4 <= bytes.count else { throw FrameSocket.Failure.ended }
        defer { place += 4 }
        return (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    mutating func text() throws -> String {
        let length = try number()
        guard place + length <= bytes.count else { throw FrameSocket.Failure.ended }
        defer { place += length }
        return String(decoding: bytes[place..<place + length], as: UTF8.self)
    }

    mutating func values(_ count: Int) throws -> [Double] {
        guard place + count * 8 <= bytes.count else { throw FrameSocket.Failure.ended }
        defer { place += count * 8 }
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map { bytes.loadUnaligned(fromByteOffset: place + $0 * 8, as: Double.self) }
        }
    }
}
