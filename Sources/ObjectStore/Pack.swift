import Base

/// A finished pack in the local store.
final class Pack: Sendable {
    /// The file's name without its ending.
    let name: String
    let path: String
    let index: PackIndex
    private let files: OpenFiles

    init(name: String, folder: String, files: OpenFiles) throws {
        self.name = name
        self.files = files
        path = "\(folder)/\(name).pack"
        index = try PackIndex(mapping: "\(folder)/\(name).idx")
    }

    /// Reads and checks one object.
    func read(_ entry: PackEntry) throws -> [UInt8] { try Pack.read(entry, from: handle(), name: name) }

    /// The record as it is stored, header included.
    func record(_ entry: PackEntry) throws -> [UInt8] { try Pack.record(entry, from: handle()) }

    func handle() throws -> FileHandle { try files.handle(path) }

    static func record(_ entry: PackEntry, from file: FileHandle) throws -> [UInt8] {
        try file.read(count: PackFormat.recordHeaderLength + Int(entry.storedLength), at: Int64(entry.offset))
    }

    static func read(
        _ entry: PackEntry, from file: FileHandle, name: String, checksHash: Bool = true
    ) throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try record(entry, from: file)
        } catch let error as MLError where error.code == .corrupt {
            throw damaged(entry, in: name, "the pack ends before it")
        }
        return try extract(entry, fromRecord: bytes, pack: name, checksHash: checksHash)
    }

    static func damaged(_ entry: PackEntry, in pack: String, _ what: String) -> MLError {
        MLError(.corrupt, "object '\(entry.id)' in pack '\(pack)' is damaged: \(what)", hint: PackIndex.hint)
    }

    /// The raw bytes of an object from its whole record, checked against header and hash.
    static func extract(
        _ entry: PackEntry, fromRecord bytes: [UInt8], pack: String, checksHash: Bool = true
    ) throws -> [UInt8] {
        try bytes.withUnsafeBytes { record in
            guard let header = PackFormat.parseRecordHeader(record, offset: entry.offset), header == entry,
                record.count == PackFormat.recordHeaderLength + Int(entry.storedLength)
            else { throw damaged(entry, in: pack, "its record does not match the index") }
            let stored = UnsafeRawBufferPointer(rebasing: record[PackFormat.recordHeaderLength...])
            return try StoredObject.verified(entry, stored: stored, pack: pack, checksHash: checksHash)
        }
    }
}

/// Files opened for reading and kept for the next read, but never so many that descriptors run out.
final class OpenFiles: @unchecked Sendable {
    private static let limit = 128
    private let mutex = Mutex()
    private var handles: [String: FileHandle] = [:]

    func handle(_ path: String) throws -> FileHandle {
        try mutex.withLock {
            if let known = handles[path] { return known }
            // Reads under way keep their handle; it closes with the last of them.
            if handles.count >= OpenFiles.limit { handles.removeAll() }
            let opened = try FileHandle(reading: path)
            handles[path] = opened
            return opened
        }
    }

    func forget(_ path: String) { mutex.withLock { handles[path] = nil } }
}

/// Objects on their way between stores.
public enum StoredObject {
    /// Decompresses an object and checks it against its name: a chunk by its hash, a recipe by its own.
    ///
    /// - Parameters:
    ///   - pack: where it came from, for the message.
    ///   - checksHash: false for a chunk whose file is checked as a whole.
    /// - Throws: `MLError(.corrupt)` naming the object.
    public static func verified(
        _ entry: PackEntry, stored: UnsafeRawBufferPointer, pack: String, checksHash: Bool = true
    ) throws -> [UInt8] {
        guard let raw = decompress(stored, codec: entry.codec, rawLength: Int(entry.rawLength)) else {
            throw Pack.damaged(entry, in: pack, "it does not decompress")
        }
        switch entry.kind {
        case .chunk:
            guard !checksHash || ObjectID.of(raw) == entry.id else {
                throw Pack.damaged(entry, in: pack, "its hash is wrong")
            }
        case .recipe:
            _ = try Recipe(parsing: raw, of: entry.id)
        }
        return raw
    }

    /// The raw bytes of an object from its record in a pack, as a ranged read of `entry.range` brings it.
    ///
    /// - Throws: `MLError(.corrupt)` when record and entry differ, or the content does not match its name.
    public static func extract(_ entry: PackEntry, fromRecord record: [UInt8], pack: String) throws -> [UInt8] {
        try Pack.extract(entry, fromRecord: record, pack: pack)
    }
}
