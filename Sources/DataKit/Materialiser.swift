import Base
import GitKit
import ObjectStore

/// Writes files of a revision as real files somewhere, outside of any work tree's bookkeeping.
public struct Materialiser: Sendable {
    /// A file to write and where.
    public struct Item: Sendable {
        public var entry: TreeEntry
        public var target: String

        public init(entry: TreeEntry, target: String) {
            self.entry = entry
            self.target = target
        }
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// Fetches what the store lacks and writes each file: in one step, so that a reader never sees a part.
    ///
    /// - Returns: bytes written.
    /// - Throws: `MLError(.missingObject)` before anything is written when some content is nowhere to be had.
    @discardableResult
    public func write(_ items: [Item], progress: any ProgressReporter) throws -> Int64 {
        let pointers = try items.map { try data.pointer($0.entry.id) }
        try Downloader(data).require(pointers.compactMap { $0 }, progress: progress)
        let store = try data.openStore()
        let done = Counter()
        let sizes = try parallelMap(count: items.count) { index -> Int64 in
            let item = items[index]
            try Files.makeDirectories(Files.parent(of: item.target))
            let temporary = Files.temporaryName(beside: item.target)
            do {
                let file = try FileHandle(creating: temporary, mode: item.entry.isExecutable ? 0o777 : 0o666)
                if let pointer = pointers[index] {
                    if pointer.size > 0 { try store.write(pointer.oid, to: file) }
                } else {
                    try file.writeAll(data.repository.readBlob(item.entry.id))
                }
                try file.close()
                try Files.rename(temporary, to: item.target)
            } catch {
                try? Files.remove(temporary)
                throw error
            }
            progress.report("Writing", completed: done.increment(), total: items.count, detail: item.entry.path)
            return Files.status(item.target)?.size ?? 0
        }
        return sizes.reduce(0, +)
    }
}
