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
        var folders = RealFolders(top: top)
        for entry in try IndexFile(path: data.repository.indexPath).entries
        where entry.isRegularFile && !entry.skipWorktree {
            let isWanted =
                paths.isEmpty
                || paths.contains { entry.path == $0 || $0.isEmpty || entry.path.hasPrefix($0 + "/") }
            guard isWanted, folders.hold(entry.path),
                let pointer = WorkTreeWriter.pointer(inFile: top + "/" + entry.path),
                seen.insert(entry.path).inserted
            else { continue }
            // Only an entry with this very pointer may get the stat data of the filled file.
            let isStaged = try entry.stage == 0 && data.pointer(entry.id) == pointer
            found.append(
                PointerFile(
                    path: entry.path, blob: isStaged ? entry.id : .zero, pointer: pointer,
                    isExecutable: entry.mode == 0o100755))
        }
        return try tracked(found)
    }

    /// Tracked files of the index that are not in the work tree: all of them, in a clone without a checkout.
    public func absent() throws -> [PointerFile] {
        try tracked(data.pointersInIndex().filter { !Files.exists(top + "/" + $0.path) })
    }

    /// Fills the given pointers from the local store.
    public func fill(_ files: [PointerFile], progress: any ProgressReporter = SilentProgress()) throws -> Outcome {
        try write(files, progress) { try $0.replace($1) }
    }

    /// Writes files that are not in the work tree yet, from the local store.
    public func create(_ files: [PointerFile], progress: any ProgressReporter = SilentProgress()) throws -> Outcome {
        try write(files, progress) { try $0.create($1) }
    }

    private func write(
        _ files: [PointerFile], _ progress: any ProgressReporter,
        _ step: @Sendable (WorkTreeWriter, PointerFile) throws -> Files.Status?
    ) throws -> Outcome {
        var outcome = Outcome()
        if files.isEmpty { return outcome }
        let store = try data.openStore()
        let writer = WorkTreeWriter(top: top, scratch: try ScratchFolder(data.scratchDirectory), store: store)
        let lacking = Set(try store.lacking(files.map(\.pointer.oid)))
        outcome.missing = files.filter { lacking.contains($0.pointer.oid) }
        let done = Counter()
        let files = files.filter { !lacking.contains($0.pointer.oid) }
        let statuses = try parallelMap(count: files.count) { index -> Files.Status? in
            let status = try step(writer, files[index])
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

    private func tracked(_ files: [PointerFile]) throws -> [PointerFile] {
        let filters = try data.repository.attribute("filter", of: files.map(\.path))
        return files.filter { filters[$0.path] == "mldata" }
    }
}

/// Which folders of a work tree are real ones: behind a symbolic link lies somewhere else, where nothing may be written.
private struct RealFolders {
    let top: String
    private var known: [Substring: Bool] = [:]

    init(top: String) { self.top = top }

    mutating func hold(_ path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return true }
        return isReal(path[..<slash])
    }

    private mutating func isReal(_ folder: Substring) -> Bool {
        if let answer = known[folder] { return answer }
        var answer = Files.status(top + "/" + folder)?.isDirectory ?? false
        if answer, let slash = folder.lastIndex(of: "/") { answer = isReal(folder[..<slash]) }
        known[folder] = answer
        return answer
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
