import Base
import ObjectStore

/// A place that content is pushed to and fetched from, file by file: packs on a storage (`PackRemote`), a Git LFS server
/// (`LFSRemote`) or its folder (`LFSFolder`).
public protocol ContentRemote: Sendable {
    /// What to call it in messages; never with credentials.
    var name: String { get }

    /// Which of these files the remote does not have.
    func lacking(_ files: [Pointer]) throws -> [ObjectID]

    /// As `lacking`, from what was seen last: no look at the remote.
    func lackingWhenLastSeen(_ files: [Pointer]) throws -> [ObjectID]

    /// Which objects of a store, files, recipes or chunks, are not proven to be on the remote now.
    func unproven(_ ids: [ObjectID], of store: ObjectStore) throws -> [ObjectID]

    /// Uploads files of the store as far as the remote lacks them.
    ///
    /// - Parameter temporary: a folder for files in the making; removed afterwards.
    func push(
        _ files: [Pointer], from store: ObjectStore, temporary: String, progress: any ProgressReporter
    ) throws -> ContentTransfer

    /// Downloads files as far as the store lacks them, each checked by its hash.
    ///
    /// - Returns: what was moved, and the files that are not on the remote.
    func fetch(
        _ files: [Pointer], into store: ObjectStore, progress: any ProgressReporter
    ) throws -> (transfer: ContentTransfer, missing: [ObjectID])
}

extension ContentRemote {
    /// What is unproven where only whole files can be asked for: a chunk counts when a file that has it does.
    ///
    /// - Parameter lacking: which of some files the remote does not have now.
    func unproven(
        _ ids: [ObjectID], of store: ObjectStore, asking lacking: ([Pointer]) throws -> [ObjectID]
    ) throws -> [ObjectID] {
        var parts: [ObjectID: [ObjectID]] = [:]
        for id in ids { parts[id] = try store.recipe(id)?.parts.map(\.id).filter { $0 != id } }
        let covered = Set(parts.values.joined())
        let files = try ids.filter { !covered.contains($0) }.compactMap { id in
            try store.size(id).map { Pointer(oid: id, size: $0) }
        }
        let absent = Set(try lacking(files))
        let present = files.map(\.oid).filter { !absent.contains($0) }
        let proven = Set(present).union(present.flatMap { parts[$0] ?? [] })
        return ids.filter { !proven.contains($0) }
    }
}

/// What a push or a fetch moved.
public struct ContentTransfer: Hashable, Sendable {
    public var objects = 0
    /// Packs moved; 0 where each object travels alone.
    public var packs = 0
    public var bytes: Int64 = 0

    public init() {}

    public static func + (lhs: ContentTransfer, rhs: ContentTransfer) -> ContentTransfer {
        var sum = lhs
        sum.objects += rhs.objects
        sum.packs += rhs.packs
        sum.bytes += rhs.bytes
        return sum
    }
}
