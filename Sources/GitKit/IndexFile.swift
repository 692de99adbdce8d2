import Base
import Glibc

/// One entry of Git's index.
public struct IndexEntry: Hashable, Sendable {
    public var path: String
    public var mode: UInt32
    public var id: GitID
    /// 0 for a merged path; 1, 2, 3 for base, ours, theirs of a conflict.
    public var stage: Int
    /// The file's size when git last looked, modulo 2^32.
    public var size: UInt32
    public var modifiedSeconds: UInt32
    public var modifiedNanoseconds: UInt32
    public var inode: UInt32
    /// Set by sparse checkout: the file is not meant to be in the work tree.
    public var skipWorktree: Bool
    /// Where the 40 bytes of stat data begin in the file.
    let statOffset: Int

    init(
        path: String = "", mode: UInt32 = 0, id: GitID = .zero, stage: Int = 0, size: UInt32 = 0,
        modifiedSeconds: UInt32 = 0, modifiedNanoseconds: UInt32 = 0, inode: UInt32 = 0, skipWorktree: Bool = false,
        statOffset: Int = 0
    ) {
        self.path = path
        self.mode = mode
        self.id = id
        self.stage = stage
        self.size = size
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
        self.inode = inode
        self.skipWorktree = skipWorktree
        self.statOffset = statOffset
    }

    public var isRegularFile: Bool { mode & 0o170000 == 0o100000 }

    /// True when the stat data says that the file is as it was when git last looked.
    public func matches(_ status: Files.Status) -> Bool {
        size == UInt32(truncatingIfNeeded: status.size)
            && modifiedSeconds == UInt32(truncatingIfNeeded: status.modifiedSeconds)
            && modifiedNanoseconds == UInt32(truncatingIfNeeded: status.modifiedNanoseconds)
            && inode == UInt32(truncatingIfNeeded: status.inode)
    }
}

/// Git's index file (git: gitformat-index), read directly: libgit2 refuses or drops what it does not know,
/// and refreshing stat data through git would hash every large file again.
///
/// Versions 2, 3 and 4. Writing patches stat data in place and leaves everything else, extensions included, as it is.
public struct IndexFile: Sendable {
    public let path: String
    public private(set) var entries: [IndexEntry] = []
    /// The time stamp of the file: entries modified in the same second cannot be trusted ("racily clean").
    public let modified: Files.Status?

    /// Reads the index of a work tree; a missing file is an empty index.
    public init(path: String) throws {
        self.path = path
        modified = Files.status(path)
        let bytes = modified == nil ? [] : try Files.read(path)
        _ = try IndexFile.parse(bytes, path, into: &entries)
    }

    /// Entries by path, conflicts (stages 1 to 3) left out.
    public func entriesByPath() -> [String: IndexEntry] {
        Dictionary(entries.lazy.filter { $0.stage == 0 }.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
    }

    /// Writes fresh stat data for paths whose content is known to match their entry, so that `git status`
    /// does not read them again.
    ///
    /// - Parameter expected: the blob each path must still have in the index when the lock is held; others are skipped.
    /// - Returns: how many entries were refreshed.
    /// - Throws: `MLError(.conflict)` when another git process holds the index for too long.
    @discardableResult
    public static func refresh(
        path: String, _ statuses: [String: Files.Status], expected: [String: GitID]
    ) throws -> Int {
        var updates = IndexUpdates()
        for (path, status) in statuses {
            if let blob = expected[path] { updates.append(path, status, blob) }
        }
        return try refresh(path: path, updates)
    }

    /// The same for updates that were gathered one by one.
    @discardableResult
    public static func refresh(path: String, _ updates: IndexUpdates) throws -> Int {
        if updates.isEmpty { return 0 }
        let lockPath = path + ".lock"
        let lock = try acquire(lockPath)
        do {
            var bytes = try Files.read(path)
            let (places, isSplit) = try updates.places(in: bytes, path)
            if isSplit {
                throw MLError(.conflict, "index '\(path)' is a split index", hint: "run 'git update-index --refresh'")
            }
            for place in places { updates.patch(place, in: &bytes) }
            seal(&bytes)
            try lock.writeAll(bytes)
            try lock.close()
            try Files.rename(lockPath, to: path)
            return places.count
        } catch {
            try? Files.remove(lockPath)
            throw error
        }
    }

    /// Takes `index.lock` the way git does, waiting up to five seconds for another process.
    private static func acquire(_ lockPath: String) throws -> FileHandle {
        let deadline = monotonicSeconds() + 5
        while true {
            do { return try FileHandle(creating: lockPath) } catch {
                guard Files.exists(lockPath), monotonicSeconds() < deadline else {
                    guard Files.exists(lockPath) else { throw error }
                    throw MLError(
                        .conflict, "'\(lockPath)' exists: another git process seems to be running here",
                        hint: "wait for it to end; if it crashed, remove the file and run 'git mldata sync'")
                }
                usleep(20_000)
            }
        }
    }

    /// Renews the trailing checksum, unless the index is written without one (`index.skipHash`).
    private static func seal(_ bytes: inout [UInt8]) {
        let end = bytes.count - 20
        guard bytes[end...].contains(where: { $0 != 0 }) else { return }
        let digest = bytes.withUnsafeBytes { SHA1.digest(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        bytes.replaceSubrange(end..., with: digest)
    }
}
