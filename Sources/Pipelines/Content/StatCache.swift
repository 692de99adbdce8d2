import Base
import Glibc

/// Remembers the id of a file's content for as long as its stat data stays the same.
///
/// A file that changed less than 100 ms before it was hashed is not remembered: a later write could leave the same
/// stat data behind (git's "racily clean" entries). A file that cannot be read back is an empty cache, never an error.
public final class StatCache: @unchecked Sendable {
    /// What must be equal for an entry to count.
    struct Signature: Hashable {
        var size: Int64
        var modified: Int64
        var changed: Int64
        var inode: UInt64

        init(_ status: Files.Status) {
            size = status.size
            modified = status.modifiedSeconds &* 1_000_000_000 &+ status.modifiedNanoseconds
            changed = status.changedSeconds &* 1_000_000_000 &+ status.changedNanoseconds
            inode = status.inode
        }

        init(size: Int64, modified: Int64, changed: Int64, inode: UInt64) {
            (self.size, self.modified, self.changed, self.inode) = (size, modified, changed, inode)
        }

        /// Whether the file was last touched well before `now` (nanoseconds since 1970).
        func isSettled(at now: Int64) -> Bool { max(modified, changed) < now - 100_000_000 }
    }

    struct Entry: Hashable {
        var signature: Signature
        var id: ObjectID
        /// Size of the content the file stands for: not the file's own when it is a pointer.
        var contentSize: Int64
    }

    private static let magic = Array("mlrun-stat 1\n".utf8)
    private let path: String?
    private let mutex = Mutex()
    private var entries: [String: Entry] = [:]
    private var isChanged = false

    /// - Parameter path: the cache file; nil keeps the cache in memory.
    public init(path: String?) {
        self.path = path
        if let path, let bytes = try? Files.read(path) { entries = StatCache.decode(bytes) ?? [:] }
    }

    /// How many files are remembered.
    public var count: Int { mutex.withLock { entries.count } }

    func find(_ file: String, _ signature: Signature) -> Entry? {
        mutex.withLock { entries[file].flatMap { $0.signature == signature ? $0 : nil } }
    }

    func store(_ file: String, _ entry: Entry) {
        mutex.withLock {
            entries[file] = entry
            isChanged = true
        }
    }

    func forget(_ file: String) {
        mutex.withLock { if entries.removeValue(forKey: file) != nil { isChanged = true } }
    }

    /// Writes the cache file if something changed. It is only a cache: a failure to write is no error.
    public func save() {
        guard let path else { return }
        let bytes: [UInt8]? = mutex.withLock {
            guard isChanged else { return nil }
            isChanged = false
            return StatCache.encode(entries)
        }
        guard let bytes else { return }
        try? Files.makeDirectories(Files.parent(of: path))
        try? Files.writeAtomically(bytes, to: path)
    }

    /// Magic line; per entry the path's length (4 bytes), the path, size, mtime, ctime, inode, content size (8 bytes
    /// each, little-endian), id (32 bytes); at the end the SHA-256 of all that.
    private static func encode(_ entries: [String: Entry]) -> [UInt8] {
        var out = magic
        for (path, entry) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            append(UInt64(path.utf8.count), 4, &out)
            out += path.utf8
            append(UInt64(bitPattern: entry.signature.size), 8, &out)
            append(UInt64(bitPattern: entry.signature.modified), 8, &out)
            append(UInt64(bitPattern: entry.signature.changed), 8, &out)
            append(entry.signature.inode, 8, &out)
            append(UInt64(bitPattern: entry.contentSize), 8, &out)
            out += entry.id.bytes
        }
        return out + ObjectID.of(out).bytes
    }

    private static func append(_ value: UInt64, _ count: Int, _ out: inout [UInt8]) {
        for shift in 0..<count { out.append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8))) }
    }

    private static func decode(_ bytes: [UInt8]) -> [String: Entry]? {
        let end = bytes.count - ObjectID.byteCount
        guard end >= magic.count, bytes.starts(with: magic),
            ObjectID.of(Array(bytes[..<end])) == ObjectID(bytes: bytes[end...])
        else { return nil }
        var position = magic.count
        func number(_ count: Int) -> UInt64? {
            guard position + count <= end else { return nil }
            defer { position += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64($1 * 8) }
        }
        var entries: [String: Entry] = [:]
        while position < end {
            guard let length = number(4), position + Int(length) <= end else { return nil }
            let path = String(decoding: bytes[position..<position + Int(length)], as: UTF8.self)
            position += Int(length)
            guard let size = number(8), let modified = number(8), let changed = number(8), let inode = number(8),
                let content = number(8), position + ObjectID.byteCount <= end,
                let id = ObjectID(bytes: bytes[position..<position + ObjectID.byteCount])
            else { return nil }
            position += ObjectID.byteCount
            let signature = Signature(
                size: Int64(bitPattern: size), modified: Int64(bitPattern: modified),
                changed: Int64(bitPattern: changed), inode: inode)
            entries[path] = Entry(signature: signature, id: id, contentSize: Int64(bitPattern: content))
        }
        return entries
    }

    /// Nanoseconds since 1970.
    static func now() -> Int64 {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return Int64(value.tv_sec) &* 1_000_000_000 &+ Int64(value.tv_nsec)
    }
}
