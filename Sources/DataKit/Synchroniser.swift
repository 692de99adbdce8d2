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
        public var filled = 0
        /// Pointers whose content is in no store.
        public var missing: [PointerFile] = []
        public var bytes: Int64 = 0

        public static func += (sum: inout Outcome, part: Outcome) {
            sum.filled += part.filled
            sum.missing += part.missing
            sum.bytes += part.bytes
        }

        /// - Parameter status: nil for a file that was left alone.
        mutating func count(_ file: PointerFile, _ status: Files.Status?, _ updates: inout IndexUpdates) {
            guard let status else { return }
            updates.append(file.path, status, file.blob)
            filled += 1
            bytes += file.pointer.size
        }
    }

    private let data: DataRepository
    private let top: String

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// Removes what killed processes left half made, so that it counts as absent.
    public func sweep() throws { _ = try ScratchFolder(data.scratchDirectory) }

    /// Fills what is still a pointer and, when asked to, brings back what is gone, a stretch of the index after the other:
    /// memory holds some ten thousand files, however many there are.
    ///
    /// - Parameters:
    ///   - paths: only files at or below these; empty for all.
    ///   - restore: also write tracked files that are not in the work tree.
    ///   - wanted: which of them.
    ///   - others: is given the paths of a stretch that are not ours to write; nil when nobody wants to know.
    ///   - fetch: brings content into the local store; files are written meanwhile where that pays.
    public func complete(
        _ paths: [String] = [], restore: Bool = false, progress: any ProgressReporter,
        where wanted: (PointerFile) -> Bool = { _ in true }, others: (([String]) throws -> Void)? = nil,
        fetch: @escaping ContentDownload
    ) throws -> Outcome {
        let scratch = try ScratchFolder(data.scratchDirectory)
        var outcome = Outcome()
        var updates = IndexUpdates()
        do {
            try eachStretch(paths, others: others != nil) { entries, all in
                var files = try pointersInWorkTree(entries).filter(wanted)
                var absent = restore ? try absent(among: entries).filter(wanted) : []
                if let others {
                    let ours = Set(absent.map(\.path))
                    try others(all.map(\.path).filter { !ours.contains($0) })
                }
                if !files.isEmpty || !absent.isEmpty {
                    outcome += try bring(&files, &absent, scratch, &updates, fetch)
                }
                outcome += try fill(files, scratch, &updates, progress)
                outcome += try create(absent, scratch, &updates, progress)
            }
        } catch {
            // What is in place already need not be read again.
            _ = try? IndexFile.refresh(path: data.repository.indexPath, updates)
            throw error
        }
        try IndexFile.refresh(path: data.repository.indexPath, updates)
        return outcome
    }

    /// Tracked files whose work tree content is a pointer: usually the one of the index, after `git stash pop` another.
    ///
    /// - Parameter paths: only files at or below these; empty for all.
    public func candidates(_ paths: [String] = []) throws -> [PointerFile] {
        var found: [PointerFile] = []
        try eachStretch(paths) { entries, _ in found += try pointersInWorkTree(entries) }
        return found
    }

    /// Fills the given pointers from the local store.
    public func fill(_ files: [PointerFile], progress: any ProgressReporter = SilentProgress()) throws -> Outcome {
        let scratch = try ScratchFolder(data.scratchDirectory)
        var updates = IndexUpdates()
        let outcome = try fill(files, scratch, &updates, progress)
        try IndexFile.refresh(path: data.repository.indexPath, updates)
        return outcome
    }

    // MARK: A stretch of the index

    private func pointersInWorkTree(_ entries: [IndexEntry]) throws -> [PointerFile] {
        let found = try parallelMap(count: entries.count, stretch: 256) { index -> PointerFile? in
            let entry = entries[index]
            guard let bytes = WorkTreeWriter.shortText(inFile: top + "/" + entry.path),
                let pointer = Pointer.parse(bytes)
            else { return nil }
            // Only an entry with this very pointer may get the stat data of the filled file.
            let isStaged = entry.stage == 0 && GitID(ofBlob: bytes) == entry.id
            return PointerFile(
                path: entry.path, blob: isStaged ? entry.id : .zero, pointer: pointer,
                isExecutable: entry.mode == 0o100755)
        }
        // Of a conflict there are three entries; names that differ in their bytes alone are two names.
        var last: String.UTF8View?
        return try tracked(
            found.compactMap { $0 }.filter { file in
                defer { last = file.path.utf8 }
                return last?.elementsEqual(file.path.utf8) != true
            })
    }

    /// Tracked files that are not in the work tree: deleted ones, and all in a clone without a checkout.
    private func absent(among entries: [IndexEntry]) throws -> [PointerFile] {
        let gone = entries.filter { $0.stage == 0 && !Files.exists(top + "/" + $0.path) }
        return try tracked(data.pointers(among: gone))
    }

    /// Hands over the files of the index that belong into the work tree and lie in real folders of it.
    ///
    /// - Parameter others: whether `body` wants, as its second argument, all files, symbolic links included.
    private func eachStretch(
        _ paths: [String], others: Bool = false, _ body: ([IndexEntry], [IndexEntry]) throws -> Void
    ) throws {
        var folders = RealFolders(top: top)
        try IndexFile.forEachStretch(path: data.repository.indexPath) { stretch in
            let ours = stretch.filter { entry in
                entry.isRegularFile && !entry.skipWorktree
                    && (paths.isEmpty
                        || paths.contains { entry.path == $0 || $0.isEmpty || entry.path.hasPrefix($0 + "/") })
                    && folders.hold(entry.path)
            }
            let all = others ? stretch.filter { $0.mode & 0o170000 != 0o160000 } : []
            if !ours.isEmpty || !all.isEmpty { try body(ours, all) }
        }
    }

    private func fill(
        _ files: [PointerFile], _ scratch: ScratchFolder, _ updates: inout IndexUpdates,
        _ progress: any ProgressReporter
    ) throws -> Outcome {
        try write(files, scratch, &updates, progress) { try $0.replace($1) }
    }

    /// Writes files that are not in the work tree yet.
    private func create(
        _ files: [PointerFile], _ scratch: ScratchFolder, _ updates: inout IndexUpdates,
        _ progress: any ProgressReporter
    ) throws -> Outcome {
        let short = files.filter(WorkTreeWriter.isShort).map { top + "/" + $0.path }
        return try scratch.creating(short) { try write(files, scratch, &updates, progress) { try $0.create($1) } }
    }

    private func write(
        _ files: [PointerFile], _ scratch: ScratchFolder, _ updates: inout IndexUpdates,
        _ progress: any ProgressReporter,
        _ step: @Sendable (WorkTreeWriter, PointerFile) throws -> Files.Status?
    ) throws -> Outcome {
        var outcome = Outcome()
        if files.isEmpty { return outcome }
        let store = try data.openStore()
        let writer = WorkTreeWriter(top: top, scratch: scratch, store: store)
        let lacking = Set(try store.lacking(files.map(\.pointer.oid)))
        outcome.missing = files.filter { lacking.contains($0.pointer.oid) }
        let done = Counter()
        let files = files.filter { !lacking.contains($0.pointer.oid) }
        let statuses = try parallelMap(count: files.count) { index -> Files.Status? in
            let status = try step(writer, files[index])
            progress.report("Filling files", completed: done.increment(), total: files.count, detail: files[index].path)
            return status
        }
        for (file, status) in zip(files, statuses) { outcome.count(file, status, &updates) }
        return outcome
    }

    /// Fetches content and, at the same time, writes the large files that it belongs to: one goes over the line while the
    /// other goes to the disk. Takes out what is written.
    private func bring(
        _ files: inout [PointerFile], _ absent: inout [PointerFile], _ scratch: ScratchFolder,
        _ updates: inout IndexUpdates, _ fetch: @escaping ContentDownload
    ) throws -> Outcome {
        let store = try data.openStore()
        let pointers = (files + absent).map(\.pointer)
        let lacking = Set(try store.lacking(pointers.filter { $0.size >= Synchroniser.leastComing }.map(\.oid)))
        var outcome = Outcome()
        if lacking.isEmpty {
            try fetch(pointers, store)
            return outcome
        }
        let download = BackgroundDownload(store)
        download.start { try fetch(pointers, store) }
        let writer = WorkTreeWriter(top: top, scratch: scratch, store: store)
        let written = Result {
            try writeWhileComing(files.filter { lacking.contains($0.pointer.oid) }) { try writer.replace($0) }
                + writeWhileComing(absent.filter { lacking.contains($0.pointer.oid) }) { try writer.create($0) }
        }
        try download.wait()
        let paths = try Set(written.get().map { $0.file.path.pathBytes })
        for (file, status) in try written.get() { outcome.count(file, status, &updates) }
        files.removeAll { paths.contains($0.path.pathBytes) }
        absent.removeAll { paths.contains($0.path.pathBytes) }
        return outcome
    }

    /// Writes files whose content is on its way, in the order in which a download brings them. What never comes is left.
    private func writeWhileComing(
        _ files: [PointerFile], _ step: (PointerFile) throws -> Files.Status?
    ) throws -> [(file: PointerFile, status: Files.Status?)] {
        try files.sorted { $0.pointer.oid < $1.pointer.oid }.compactMap { file in
            do { return (file, try step(file)) } catch let error as MLError where error.code == .missingObject {
                return nil
            }
        }
    }

    /// Files from this size on are written while they come in, in bytes: below, one after the other is as fast.
    private static let leastComing: Int64 = 32 << 20

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

    /// Whether no folder on the way to a path is anything else than a folder; one that is not there yet will be one.
    mutating func hold(_ path: String) -> Bool {
        guard let slash = path.utf8.lastIndex(of: 0x2F) else { return true }
        return isReal(path[..<slash])
    }

    private mutating func isReal(_ folder: Substring) -> Bool {
        if let answer = known[folder] { return answer }
        var answer = Files.status(top + "/" + folder)?.isDirectory ?? true
        if answer, let slash = folder.utf8.lastIndex(of: 0x2F) { answer = isReal(folder[..<slash]) }
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
