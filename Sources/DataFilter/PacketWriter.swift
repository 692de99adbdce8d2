import Base

/// Writes packet lines to git, gathered into few system calls.
final class PacketWriter {
    private let file: FileHandle
    private var pending: [UInt8] = []

    init(descriptor: Int32) {
        file = FileHandle(borrowing: descriptor, path: "pipe to git")
        pending.reserveCapacity(128 << 10)
    }

    func line(_ text: String) throws { try packet(Array((text + "\n").utf8)) }

    /// `key=value` with a value of any bytes.
    func line(_ key: String, _ value: [UInt8]) throws { try packet(Array(key.utf8) + [0x3D] + value + [10]) }

    func flush() { pending += PktLine.encode(nil) }

    /// Content of any length, in as many packets as it takes.
    func content(_ bytes: UnsafeRawBufferPointer) throws {
        var start = 0
        while start < bytes.count {
            let count = min(PktLine.maximumPayload, bytes.count - start)
            pending += PktLine.header(count)
            pending += bytes[start..<start + count]
            start += count
            if pending.count >= 64 << 10 { try send() }
        }
    }

    /// Hands everything over to git.
    func send() throws {
        try file.writeAll(pending)
        pending.removeAll(keepingCapacity: true)
    }

    private func packet(_ payload: [UInt8]) throws {
        guard payload.count <= PktLine.maximumPayload else {
            throw MLError(.invalidInput, "a packet would be too long")
        }
        pending += PktLine.header(payload.count)
        pending += payload
    }
}
