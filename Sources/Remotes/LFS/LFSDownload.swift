import Base
import Glibc
import ObjectStore

/// One object on its way into the store: first into a file that a cut connection or a killed process leaves for the next
/// try, hashed while it comes in.
final class LFSDownload {
    private let pointer: Pointer
    private let file: FileHandle
    private var hasher = SHA256Hasher()
    private(set) var position: Int64 = 0
    /// Bytes that came over the line.
    private(set) var received: Int64 = 0

    /// - Parameter folder: where incomplete downloads are kept.
    init(_ pointer: Pointer, folder: String) throws {
        self.pointer = pointer
        let shared = try FileHandle(updating: folder + "/" + pointer.oid.hex)
        // Another process may be at the same object: then this one works alone.
        if try shared.lock(wait: false), LFSDownload.isSame(shared) {
            file = shared
            try hashWhatIsThere()
        } else {
            file = try FileHandle(creating: Files.temporaryName(beside: shared.path))
        }
    }

    /// The range still wanted; nil for everything.
    var rangeHeader: String? { position == 0 ? nil : "Range: bytes=\(position)-" }

    /// Whether there is nothing left to ask for.
    var isComplete: Bool { position == pointer.size }

    /// Takes a part of an answer.
    ///
    /// - Throws: `MLError(.corrupt)` when more comes than the pointer says.
    func receive(_ status: Int, _ bytes: UnsafeRawBufferPointer, isFirst: Bool) throws {
        // The server ignored the range and begins again.
        if isFirst && status == 200 && position > 0 { try restart() }
        guard position + Int64(bytes.count) <= pointer.size else { throw wrong("is longer than \(pointer.size) bytes") }
        try file.writeAll(bytes)
        hasher.update(bytes)
        position += Int64(bytes.count)
        received += Int64(bytes.count)
    }

    func restart() throws {
        try file.truncate(to: 0)
        try file.seek(to: 0)
        hasher = SHA256Hasher()
        position = 0
    }

    /// Puts the content into the store once size and hash are right.
    ///
    /// - Throws: `MLError(.corrupt)`; then nothing of it is in the store.
    func store(with writer: PackWriter) throws {
        guard isComplete else { throw wrong("has \(position) bytes, not \(pointer.size)") }
        guard hasher.finish() == pointer.oid else {
            try discard()
            throw wrong("has another hash")
        }
        try file.seek(to: 0)
        guard try writer.add({ try self.file.read(into: $0) }).pointer == pointer else {
            throw wrong("changed on disk")
        }
        try discard()
    }

    func discard() throws { try Files.remove(file.path) }

    private func wrong(_ what: String) -> MLError {
        MLError(
            .corrupt, "what the server sent for object \(pointer.oid.short) \(what)",
            hint: "it was thrown away; ask whoever runs the server to look at that object")
    }

    private func hashWhatIsThere() throws {
        guard try file.status().size <= pointer.size else { return try restart() }
        try file.forEachPiece { bytes in
            hasher.update(bytes)
            position += Int64(bytes.count)
        }
        if isComplete && hasher.finish() != pointer.oid { try restart() }
    }

    /// Whether the path still leads to this file: its last owner may have removed it before the lock.
    private static func isSame(_ file: FileHandle) -> Bool {
        guard let there = Files.status(file.path), let here = try? file.status() else { return false }
        return there.inode == here.inode && there.device == here.device
    }
}

extension LFSDownload {
    /// Removes parts that nobody has gone on with for a week.
    static func removeOld(in folder: String) throws {
        let limit = Timestamp.now().seconds - 7 * 86_400
        for name in try Files.list(folder) {
            guard let status = Files.status(folder + "/" + name), status.modifiedSeconds < limit else { continue }
            try Files.remove(folder + "/" + name)
        }
    }
}
