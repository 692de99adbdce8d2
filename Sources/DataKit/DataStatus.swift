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
        let store = try data.openStore()
        let remote = try data.openRemote(gitRemote: nil)
        var changes = try StagedChanges(data.repository)
        try IndexFile.forEachStretch(path: data.repository.indexPath) { stretch in
            // The same order, and the pointers are some of the entries.
            let index = stretch.filter { $0.stage == 0 }
            let files = try data.pointers(among: index)
            trackedFiles += files.count
            let missing = Set(try store.lacking(files.map(\.pointer.oid)))
            let staged = files.map { changes.contain($0.path) }
            let committed = zip(files, staged).filter { !$0.1 }.map(\.0.pointer)
            let unpushed = Set(try remote?.lackingWhenLastSeen(committed) ?? [])
            let states = try parallelMap(count: files.count, stretch: 256) { try DataStatus.state(files[$0], top: top) }
            var entry = index.makeIterator()
            for ((file, isStaged), state) in zip(zip(files, staged), states) {
                trackedBytes += file.pointer.size
                var indexed = entry.next()
                while let other = indexed, other.path != file.path { indexed = entry.next() }
                func add(_ state: State) {
                    entries.append(
                        Entry(path: file.path, state: state, oid: file.pointer.oid, size: file.pointer.size))
                }
                if isStaged { add(.staged) }
                switch state {
                case .pointer: add(.pointer)
                case .absent: if indexed?.skipWorktree != true { add(.deleted) }
                case .file(let status):
                    if let indexed, !indexed.matches(status),
                        try ObjectID.ofFile(top + "/" + file.path) != file.pointer.oid
                    {
                        add(.modified)
                    }
                }
                if missing.contains(file.pointer.oid) { add(.missing) }
                if !isStaged && unpushed.contains(file.pointer.oid) { add(.unpushed) }
            }
        }
    }

    /// What is in the work tree.
    private enum Place: Sendable {
        case absent
        case pointer
        case file(Files.Status)
    }

    private static func state(_ file: PointerFile, top: String) throws -> Place {
        let path = top + "/" + file.path
        guard let status = Files.status(path) else { return .absent }
        return isPointer(path, status, file.pointer) ? .pointer : .file(status)
    }

    private static func isPointer(_ path: String, _ status: Files.Status, _ pointer: Pointer) -> Bool {
        guard status.isRegular, (100..<Int64(Pointer.sizeLimit)).contains(status.size) else { return false }
        return (try? Files.read(path)).flatMap(Pointer.parse) == pointer
    }
}

/// The paths at which index and HEAD differ, asked for in the order of the index.
private struct StagedChanges {
    /// Nil before the first commit: all are.
    private let names: [UInt8]?
    private var position = 0

    init(_ repository: Repository) throws {
        names =
            try repository.head() == nil
            ? nil
            : repository.git.run(["diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD", "--"]).output
    }

    mutating func contain(_ path: String) -> Bool {
        guard let names else { return true }
        let path = path.pathBytes
        while position < names.count {
            let end = names[position...].firstIndex(of: 0) ?? names.count
            let name = names[position..<end]
            if path.lexicographicallyPrecedes(name) { return false }
            position = end + 1
            if name.elementsEqual(path) { return true }
        }
        return false
    }
}
