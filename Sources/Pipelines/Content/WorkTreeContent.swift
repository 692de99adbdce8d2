import Base
import Glibc

/// The content of a work tree.
public final class WorkTreeContent: ContentSource {
    public let root: String
    private let cache: StatCache
    private let isIgnored: @Sendable (String) -> Bool

    /// - Parameters:
    ///   - root: the top of the work tree.
    ///   - cache: ids of files by their stat data.
    ///   - isIgnored: whether a path below a folder is left out of the folder's id (git-ignored files).
    public init(
        root: String, cache: StatCache = StatCache(path: nil),
        isIgnored: @escaping @Sendable (String) -> Bool = { _ in false }
    ) {
        self.root = root
        self.cache = cache
        self.isIgnored = isIgnored
    }

    public func id(of path: String) throws -> ObjectID? { try describe(path)?.id }

    public func size(of path: String) throws -> Int64? { try describe(path)?.size }

    public func read(_ path: String) throws -> [UInt8]? {
        let full = Files.join(root, path)
        guard Files.exists(full), !Files.isDirectory(full) else { return nil }
        return try Files.read(full)
    }

    /// Id and size in one walk; nil when nothing is there.
    public func describe(_ path: String) throws -> (id: ObjectID, size: Int64)? {
        guard let status = Files.status(Files.join(root, path)) else {
            cache.forget(path)
            return nil
        }
        if status.isDirectory {
            var entries: [FolderID.Entry] = []
            var size: Int64 = 0
            try walk(path, prefix: "", &entries, &size)
            return (FolderID.of(entries), size)
        }
        return try file(path, status)
    }

    /// The files below a folder that count for its id; nil when it is no folder.
    public func entries(of folder: String) throws -> [FolderID.Entry]? {
        guard let status = Files.status(Files.join(root, folder)), status.isDirectory else { return nil }
        var entries: [FolderID.Entry] = []
        var size: Int64 = 0
        try walk(folder, prefix: "", &entries, &size)
        return entries
    }

    private func walk(
        _ folder: String, prefix: String, _ entries: inout [FolderID.Entry], _ size: inout Int64
    ) throws {
        for name in try Files.list(Files.join(root, folder)) where name != ".git" {
            let path = Files.join(folder, name)
            guard !isIgnored(path), let status = Files.status(Files.join(root, path)) else { continue }
            if status.isDirectory {
                try walk(path, prefix: prefix + name + "/", &entries, &size)
            } else if status.isRegular || status.isSymbolicLink {
                let (id, count) = try file(path, status)
                let mode: FolderID.Mode =
                    status.isSymbolicLink ? .link : status.isExecutable ? .executable : .file
                entries.append(FolderID.Entry(path: prefix + name, mode: mode, id: id))
                size += count
            }
        }
    }

    private func file(_ path: String, _ status: Files.Status) throws -> (id: ObjectID, size: Int64) {
        let full = Files.join(root, path)
        if status.isSymbolicLink {
            let target = try WorkTreeContent.linkTarget(full)
            return (ObjectID.of(target), Int64(target.count))
        }
        guard status.isRegular else { throw MLError(.invalidInput, "'\(path)' is neither a file nor a folder") }
        let signature = StatCache.Signature(status)
        if let entry = cache.find(path, signature) { return (entry.id, entry.contentSize) }
        let start = StatCache.now()
        let (id, size) = try WorkTreeContent.hash(full)
        if signature.isSettled(at: start), let after = Files.status(full), StatCache.Signature(after) == signature {
            cache.store(path, StatCache.Entry(signature: signature, id: id, contentSize: size))
        } else {
            cache.forget(path)
        }
        return (id, size)
    }

    private static func hash(_ path: String) throws -> (id: ObjectID, size: Int64) {
        let file = try FileHandle(reading: path)
        var hasher = SHA256Hasher()
        var total: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if total == 0, count <= PointerText.maximumSize, let pointer = PointerText.parse(Array(part)) {
                return pointer
            }
            hasher.update(part)
            total += Int64(count)
            if count < buffer.count { return (hasher.finish(), total) }
        }
    }

    private static func linkTarget(_ path: String) throws -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(path, &target, target.count)
        guard length >= 0 else { throw Files.ioError("cannot read the link '\(path)'") }
        return target[..<length].map { UInt8(bitPattern: $0) }
    }
}
