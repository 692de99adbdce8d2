import Base
import GitKit
import Glibc

/// Files with the attribute `lockable` are read-only in the work tree unless their lock is held here, so that nobody begins to
/// edit what another may be editing (git-lfs: git-lfs-track(1), "--lockable"; git-lfs-config(5), "lfs.setlockablereadonly").
public struct LockableFiles: Sendable {
    private let data: DataRepository
    private let top: String
    /// Paths whose lock was taken here, a NUL behind each.
    private var cache: String { data.repository.dataDirectory + "/locks" }

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// Gives every lockable file of the index the mode it should have, when `lfs.setlockablereadonly` is not false.
    ///
    /// - Parameter isReleasing: also makes files writable that are lockable no more.
    public func update(isReleasing: Bool = false) throws {
        guard try isWanted(), try isReleasing || hasLockable() else { return }
        let files = try IndexFile(path: data.repository.indexPath).entries.filter { $0.stage == 0 && $0.isRegularFile }
        let lockable = try data.repository.attribute("lockable", of: files.map(\.path))
        let filters = isReleasing ? try data.repository.attribute("filter", of: files.map(\.path)) : [:]
        let held = try held()
        // A new mode is a new time of change: without it in the index, git would read the files again.
        var updates = IndexUpdates()
        for file in files {
            let isLockable = lockable[file.path] == "set"
            guard isLockable || filters[file.path] == "mldata", let before = Files.status(top + "/" + file.path) else {
                continue
            }
            try set(file.path, isWritable: !isLockable || held.contains(file.path))
            guard file.matches(before), let now = Files.status(top + "/" + file.path), now != before else { continue }
            updates.append(file.path, now, file.id)
        }
        try IndexFile.refresh(path: data.repository.indexPath, updates)
    }

    /// Notes that a lock was taken or given back, and makes the file writable or read-only if it is lockable.
    public func note(_ path: String, isHeld: Bool) throws {
        var held = try held()
        if isHeld { held.insert(path) } else { held.remove(path) }
        try replace(held)
        if try isWanted(), try data.repository.attribute("lockable", of: [path])[path] == "set" {
            try set(path, isWritable: isHeld)
        }
    }

    /// Takes over what the server says about our locks.
    public func replace(_ held: Set<String>) throws {
        try Files.makeDirectories(Files.parent(of: cache))
        try Files.writeAtomically(held.sorted().flatMap { $0.pathBytes + [0] }, to: cache)
    }

    private func held() throws -> Set<String> {
        guard Files.exists(cache) else { return [] }
        return Set(try Files.read(cache).split(separator: 0).map { String(path: $0) })
    }

    private func isWanted() throws -> Bool { try data.configuration.bool("lfs.setlockablereadonly") ?? true }

    /// Most repositories have none, and find out by reading a few lines.
    private func hasLockable() throws -> Bool {
        let word = Array("lockable".utf8)
        let listed = try data.repository.git.run(["ls-files", "-z", "--", ".gitattributes", "*/.gitattributes"]).output
        let files = Set(listed.split(separator: 0).map { top + "/" + String(path: $0) }).union([
            top + "/.gitattributes", data.repository.commonDirectory + "/info/attributes",
        ])
        return files.contains { path in
            guard let bytes = try? Files.read(path), bytes.count >= word.count else { return false }
            return (0...(bytes.count - word.count)).contains { bytes[$0...].starts(with: word) }
        }
    }

    private func set(_ path: String, isWritable: Bool) throws {
        let file = top + "/" + path
        guard let status = Files.status(file), status.isRegular else { return }
        let mode = status.mode & 0o7777
        let wanted = isWritable ? mode | 0o200 : mode & ~0o222
        if mode == wanted { return }
        guard file.withPath({ chmod($0, mode_t(wanted)) }) == 0 else {
            throw Files.ioError("cannot change the mode of '\(path)'")
        }
    }
}
