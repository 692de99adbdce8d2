import Base
import DataKit
import GitKit
import ObjectStore
import Pipelines

/// The tree of a commit as a source of content: nothing is checked out, and a pointer counts as what it names.
public final class CommitContent: ContentSource, @unchecked Sendable {
    private let data: DataRepository
    private let tree: GitID
    private let fetch: ContentFetch
    private let ignore: DVCIgnore
    private let mutex = Mutex()
    private var ids: [GitID: (id: ObjectID, size: Int64)] = [:]

    /// - Parameter fetch: brings content the store lacks, when `read` needs it.
    public init(
        _ data: DataRepository, tree: GitID, fetch: @escaping ContentFetch = { _ in }
    ) {
        self.data = data
        self.tree = tree
        self.fetch = fetch
        ignore = DVCIgnore { path in
            try data.repository.entry(inTree: tree, at: path).map { try data.repository.readBlob($0.id) }
        }
    }

    public func id(of path: String) throws -> ObjectID? {
        guard let entry = try entry(path) else { return nil }
        if entry.mode != 0o040000 { return try content(entry).id }
        let files = try files(path, entry).compactMap { file -> FolderID.Entry? in
            guard let mode = FolderID.Mode(rawValue: String(file.mode, radix: 8)) else { return nil }
            return FolderID.Entry(path: file.path, mode: mode, id: try content(file).id)
        }
        return FolderID.of(files)
    }

    public func size(of path: String) throws -> Int64? {
        guard let entry = try entry(path) else { return nil }
        if entry.mode != 0o040000 { return try content(entry).size }
        return try files(path, entry).reduce(0) { try $0 + content($1).size }
    }

    public func read(_ path: String) throws -> [UInt8]? {
        guard let entry = try entry(path), entry.isRegularFile else { return nil }
        return try data.content(ofTree: tree, path: entry.path, revision: tree.short, fetch: fetch)
    }

    /// The files of a folder that count; their paths are relative to it.
    private func files(_ path: String, _ folder: TreeEntry) throws -> [TreeEntry] {
        try data.repository.files(inTree: folder.id).filter {
            !ignore.ignores(Files.join(path == "." ? "" : path, $0.path), isFolder: false, below: path)
        }
    }

    private func entry(_ path: String) throws -> TreeEntry? {
        try data.repository.entry(inTree: tree, at: path == "." ? "" : path)
    }

    private func content(_ entry: TreeEntry) throws -> (id: ObjectID, size: Int64) {
        if let known = mutex.withLock({ ids[entry.id] }) { return known }
        let found: (id: ObjectID, size: Int64)
        if entry.isRegularFile, let pointer = try data.pointer(entry.id) {
            found = (pointer.oid, pointer.size)
        } else {
            let bytes = try data.repository.readBlob(entry.id)
            found = (ObjectID.of(bytes), Int64(bytes.count))
        }
        mutex.withLock { ids[entry.id] = found }
        return found
    }
}
