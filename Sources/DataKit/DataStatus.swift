import Base
import GitKit
import ObjectStore

/// How the tracked files of a work tree stand against HEAD, the index, the store and the remote.
public struct DataStatus: Sendable {
    public enum State: String, Sendable, CaseIterable {
        /// In the index, not in HEAD or another content there.
        case staged
        /// Changed in the work tree since it was added.
        case modified
        /// Gone from the work tree.
        case deleted
        /// Still a pointer in the work tree though the content is at hand.
        case pointer
        /// The content is not in the local store.
        case missing
        /// The remote, when last seen, had not got it.
        case unpushed
    }

    public struct Entry: Hashable, Sendable {
        public var path: String
        public var state: State
        public var oid: ObjectID
        public var size: Int64
    }

    /// Sorted by path; a file can have several states.
    public var entries: [Entry] = []
    public var trackedFiles = 0
    public var trackedBytes: Int64 = 0

    public init(_ data: DataRepository) throws {
        let top = try data.repository.requireWorkTree()
        let files = try data.pointersInIndex()
        trackedFiles = files.count
        trackedBytes = files.reduce(0) { $0 + $1.pointer.size }
        let head = try data.repository.head().map { try data.pointers(inTree: $0.tree) } ?? []
        let committed = Dictionary(uniqueKeysWithValues: head.map { ($0.path, $0.blob) })
        let index = try IndexFile(path: data.repository.indexPath).entriesByPath()
        let store = try data.openStore()
        let unpushed = try Set(data.openRemote(gitRemote: nil)?.lackingWhenLastSeen(head.map(\.pointer)) ?? [])
        let missing = Set(try store.lacking(files.map(\.pointer.oid)))
        for file in files {
            func add(_ state: State) {
                entries.append(Entry(path: file.path, state: state, oid: file.pointer.oid, size: file.pointer.size))
            }
            if committed[file.path] != file.blob { add(.staged) }
            let isPointer = DataStatus.isPointer(top + "/" + file.path, file.pointer)
            if let status = Files.status(top + "/" + file.path) {
                if isPointer {
                    add(.pointer)
                } else if let entry = index[file.path], !entry.matches(status),
                    try ObjectID.ofFile(top + "/" + file.path) != file.pointer.oid
                {
                    add(.modified)
                }
            } else if index[file.path]?.skipWorktree != true {
                add(.deleted)
            }
            if missing.contains(file.pointer.oid) { add(.missing) }
            if committed[file.path] == file.blob && unpushed.contains(file.pointer.oid) { add(.unpushed) }
        }
    }

    private static func isPointer(_ path: String, _ pointer: Pointer) -> Bool {
        guard let status = Files.status(path), status.isRegular, status.size < Pointer.sizeLimit else { return false }
        return (try? Files.read(path)).flatMap(Pointer.parse) == pointer
    }
}
