import Base
import DataDiff
import DataKit
import ObjectStore

/// Finds the contents behind a comparison and looks into them.
struct ContentComparer {
    private let data: DataRepository
    private let store: ObjectStore

    init(_ data: DataRepository) throws {
        self.data = data
        store = try data.openStore()
    }

    /// Brings what the store lacks of files whose content will be compared.
    ///
    /// - Throws: `MLError(.missingObject)` when something is nowhere to be had.
    func fetch(_ comparison: DataComparison, _ progress: any ProgressReporter) throws {
        let pairs = comparison.entries.compactMap { entry in entry.old.flatMap { old in entry.new.map { (old, $0) } } }
        let wanted = pairs.filter { $0.oid != $1.oid }.flatMap { [$0, $1] }.filter { $0.place == .store }
        try Downloader(data).require(wanted.map { Pointer(oid: $0.oid, size: $0.size) }, progress: progress)
    }

    enum Answer {
        case difference(ContentDiff)
        /// Not both contents are here.
        case notLocal
        /// There is nothing to compare: a file came or went, or kept its content.
        case none
    }

    func compare(_ entry: DataComparison.Entry) throws -> Answer {
        guard let old = entry.old, let new = entry.new, old.oid != new.oid else { return .none }
        guard let before = try source(old), let after = try source(new) else { return .notLocal }
        let difference = try ContentDiff(path: entry.path, old: before, new: after) { try sharedBytes(old, new) }
        return .difference(difference)
    }

    private func source(_ file: DataComparison.File) throws -> ContentSource? {
        switch file.place {
        case .blob(let blob): return ContentSource(try data.repository.readBlob(blob))
        case .workTree:
            let path = try data.repository.requireWorkTree() + "/" + file.path
            return try ContentSource(file: FileHandle(reading: path))
        case .store:
            if file.size == 0 { return ContentSource([]) }
            guard try store.contains(file.oid) else { return nil }
            let content = try StoredContent(Pointer(oid: file.oid, size: file.size), in: store)
            return ContentSource(size: content.size) { try content.read(at: $0, length: $1) }
        }
    }

    /// From the recipes; a file of the work tree that was not added yet is cut into chunks for it.
    private func sharedBytes(_ old: DataComparison.File, _ new: DataComparison.File) throws -> Int64? {
        guard new.place == .workTree, try store.recipe(new.oid) == nil else {
            return try store.sharedBytes(old.oid, new.oid)
        }
        guard let known = try store.recipe(old.oid), let source = try source(new) else { return nil }
        let ids = Set(known.parts.map(\.id))
        let chunker = Chunker.standard
        var shared: Int64 = 0
        var offset: Int64 = 0
        var window: [UInt8] = []
        while true {
            // As many bytes as the chunker wants to see, a few megabytes at a time.
            let more = try source.read(at: offset + Int64(window.count), length: (4 << 20) - window.count)
            window += more
            if window.isEmpty { return shared }
            let isLast = offset + Int64(window.count) >= source.size
            var start = 0
            window.withUnsafeBytes { bytes in
                while start < bytes.count, isLast || bytes.count - start >= chunker.maximum {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
                    let length = chunker.firstCut(in: rest)
                    if ids.contains(ObjectID.of(UnsafeRawBufferPointer(rebasing: rest[..<length]))) {
                        shared += Int64(length)
                    }
                    start += length
                }
            }
            window.removeFirst(start)
            offset += Int64(start)
        }
    }
}
