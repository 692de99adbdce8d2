import Base
import GitKit
import Glibc
import ObjectStore

/// Fills pointers in the work tree with their content: what Git's checkout leaves of large files.
///
/// Writes files in parallel beside Git's back, then writes their fresh stat data into the index, so that no later
/// `git status` reads or hashes them again.
public struct Synchroniser: Sendable {
    /// What came of it.
    public struct Outcome: Sendable {
        public var filled: [PointerFile] = []
        /// Pointers whose content is in no store.
        public var missing: [PointerFile] = []
        public var bytes: Int64 = 0
    }

    private let data: DataRepository
    private let top: String

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// Tracked files whose work tree content is a pointer: usually the one of the index, after `git stash pop` another.
    ///
    /// - Parameter paths: only files at or below these; empty for all.
    public func candidates(_ paths: [String] = []) throws -> [PointerFile] {
        var found: [PointerFile] = []
        var seen: Set<String> = []
        for entry in try IndexFile(path: data.repository.indexPath).entries
        where entry.isRegularFile && !entry.skipWorktree {
            let isWanted =
                paths.isEmpty
                || paths.contains { entry.path == $0 || $0.isEmpty || entry.path.hasPrefix($0 + "/") }
            guard isWanted, let pointer = pointer(inWorkTree: entry.path), seen.insert(entry.path).inserted else {
                continue
            }
            // Only an entry with this very pointer may get the stat data of the filled file.
            let isStaged = try entry.stage == 0 && data.pointer(entry.id) == pointer
            found.append(
                PointerFile(
                    path: entry.path, blob: isStaged ? entry.id : .zero, pointer: pointer,
                    isExecutable: entry.mode == 0o100755))
        }
        let filters = try data.repository.attribute("filter", of: found.map(\.path))
        return found.filter { filters[$0.path] == "mldata" }
    }

    /// Fills the given pointers from the local store.
    public func fill(_ files: [PointerFile], progress: any ProgressReporter = SilentProgress()) throws -> Outcome {
        var outcome = Outcome()
        if files.isEmpty { return outcome }
        try prepareScratch()
        let store = try data.openStore()
        var present: [PointerFile] = []
        for file in files {
            if try store.contains(file.pointer.oid) { present.append(file) } else { outcome.missing.append(file) }
        }
        let done = Counter()
        let files = present
        let statuses = try parallelMap(count: files.count) { index -> Files.Status? in
            let status = try write(files[index], store)
            progress.report("Filling files", completed: done.increment(), total: files.count, detail: files[index].path)
            return status
        }
        var refreshed: [String: Files.Status] = [:]
        for (file, status) in zip(files, statuses) {
            guard let status else { continue }
            refreshed[file.path] = status
            outcome.filled.append(file)
            outcome.bytes += file.pointer.size
        }
        if !refreshed.isEmpty {
            try IndexFile.refresh(
                path: data.repository.indexPath, refreshed,
                expected: Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.blob) }))
        }
        return outcome
    }

    /// The pointer a work tree file consists of; nil for any other file.
    private func pointer(inWorkTree path: String) -> Pointer? {
        let full = top + "/" + path
        // The shortest pointer has 120 bytes: the size spares opening all other files.
        guard let status = Files.status(full), status.isRegular, (100..<Int64(Pointer.sizeLimit)).contains(status.size),
            let bytes = try? Files.read(full)
        else { return nil }
        return Pointer.parse(bytes)
    }

    /// In the Git folder, where a killed process leaves nothing that git would show; beside the target only when that is on
    /// another file system.
    func temporaryName(for target: String) -> String {
        let isNear = Files.status(scratch)?.device == Files.status(Files.parent(of: target))?.device
        return Files.temporaryName(beside: isNear ? scratch + "/x" : target)
    }

    /// Makes the folder for files in the making and removes what killed processes left there.
    func prepareScratch() throws {
        try Files.makeDirectories(scratch)
        for name in try Files.list(scratch) {
            guard let owner = name.split(separator: "-").dropFirst().first.flatMap({ pid_t($0) }), kill(owner, 0) != 0
            else { continue }
            try Files.remove(scratch + "/" + name)
        }
    }

    private var scratch: String { data.scratchDirectory }

    /// Replaces one pointer by its content in one step.
    ///
    /// - Returns: the new file's status; nil when the file changed meanwhile and was left alone.
    private func write(_ file: PointerFile, _ store: ObjectStore) throws -> Files.Status? {
        let target = top + "/" + file.path
        let temporary = temporaryName(for: target)
        do {
            let output = try FileHandle(creating: temporary, mode: file.isExecutable ? 0o777 : 0o666)
            try store.write(file.pointer.oid, to: output)
            // Git distrusts a file that is as young as its index and would read it all again at the next status.
            let past = timespec(tv_sec: time(nil) - 2, tv_nsec: 0)
            guard futimens(output.descriptor, [past, past]) == 0 else {
                throw Files.ioError("cannot set the time of '\(target)'")
            }
            try output.close()
            guard pointer(inWorkTree: file.path) == file.pointer else {
                try Files.remove(temporary)
                return nil
            }
            try Files.rename(temporary, to: target)
            return Files.status(target)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }
}

/// Counts up from many threads.
final class Counter: @unchecked Sendable {
    private let mutex = Mutex()
    private var value = 0

    func increment() -> Int {
        mutex.withLock {
            value += 1
            return value
        }
    }
}
