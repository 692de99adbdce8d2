import Base
import ObjectStore

/// Mends a store: sets damaged packs aside, keeps what is sound in them, and brings back the rest from the work tree or
/// a remote.
public struct Repair: Sendable {
    public struct Outcome: Sendable {
        /// Copies of damaged packs, for whoever wants to look at them.
        public var quarantined: [String] = []
        /// Objects that were damaged and were dropped.
        public var dropped = 0
        /// Files whose content is whole again.
        public var restored: [PointerFile] = []
        /// Files whose content is nowhere to be had.
        public var lost: [PointerFile] = []
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// - Parameter files: the files that ought to be whole afterwards.
    public func run(_ files: [PointerFile], progress: any ProgressReporter) throws -> Outcome {
        var outcome = Outcome()
        let store = try data.openStore()
        let damaged = Set(try store.verify(progress: progress).filter { $0.kind != .missingChunk }.map(\.pack))
        for pack in damaged.sorted() { outcome.quarantined += try quarantine(pack) }
        if !damaged.isEmpty {
            outcome.dropped = try store.compact(packs: damaged, repair: true) { _ in true }.damaged.count
        }
        var seen: Set<ObjectID> = []
        let absent = Set(try store.lacking(files.map(\.pointer.oid)))
        let broken = files.filter { absent.contains($0.pointer.oid) && seen.insert($0.pointer.oid).inserted }
        if broken.isEmpty { return outcome }
        try restoreFromWorkTree(broken, store)
        let missing = Set(try Downloader(data).fetch(broken.map(\.pointer), progress: progress).missing)
        for file in broken {
            if missing.contains(file.pointer.oid) { outcome.lost.append(file) } else { outcome.restored.append(file) }
        }
        return outcome
    }

    /// Copies what there is of a pack; the originals go when the sound objects have been written elsewhere.
    private func quarantine(_ pack: String) throws -> [String] {
        let folder = data.storeDirectory + "/quarantine"
        try Files.makeDirectories(folder)
        return try ["pack", "idx"].compactMap { kind in
            let source = "\(data.storeDirectory)/packs/\(pack).\(kind)"
            let copy = "\(folder)/\(pack).\(kind)"
            guard Files.exists(source), !Files.exists(copy) else { return nil }
            try Files.copy(source, to: copy)
            return copy
        }
    }

    /// A file that lies unchanged in the work tree needs no remote.
    private func restoreFromWorkTree(_ files: [PointerFile], _ store: ObjectStore) throws {
        guard let top = data.repository.workTree else { return }
        let writer = try store.makeWriter()
        for file in files {
            let path = top + "/" + file.path
            guard let status = Files.status(path), status.isRegular, status.size == file.pointer.size,
                try ObjectID.ofFile(path) == file.pointer.oid
            else { continue }
            let input = try FileHandle(reading: path)
            _ = try writer.add { try input.read(into: $0) }
        }
        try writer.finish()
    }
}
