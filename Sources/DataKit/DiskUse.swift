import Base
import GitKit
import ObjectStore

/// What the tracked files of a tree take: as files, and as chunks in the store.
public struct DiskUse: Sendable {
    public struct Entry: Hashable, Sendable {
        /// A folder or a file; empty for the top.
        public var path: String
        public var files = 0
        /// Bytes of the files' content.
        public var logical: Int64 = 0
        /// Bytes of their chunks in the store, compressed; what several files share counts for the first of them.
        public var stored: Int64 = 0
        /// Bytes that nothing outside of this entry uses: what the store would shrink by without it.
        public var alone: Int64 = 0
        /// Files whose content is not in the local store; they count in `files` and `logical` only.
        public var absent = 0
    }

    /// Folders and files, each folder before what lies in it.
    public private(set) var entries: [Entry] = []
    /// Everything together.
    public private(set) var total = Entry(path: "")

    /// - Parameters:
    ///   - files: the tracked files.
    ///   - depth: how many levels of folders to list; nil for all, files included.
    public init(_ files: [PointerFile], depth: Int?, store: ObjectStore) throws {
        var users: [ObjectID: Set<Int>] = [:]
        var lengths: [ObjectID: Int64] = [:]
        var chunks: [[ObjectID]] = []
        let files = files.sorted { $0.path < $1.path }
        for (number, file) in files.enumerated() {
            let own = try store.contains(file.pointer.oid) ? store.closure(of: [file.pointer.oid]) : []
            chunks.append(own)
            for id in own { users[id, default: []].insert(number) }
            for entry in try store.entries(for: own) { lengths[entry.id] = Int64(entry.storedLength) }
        }
        var members: [String: [Int]] = [:]
        for (number, file) in files.enumerated() {
            for name in DiskUse.ancestors(of: file.path, depth: depth) { members[name, default: []].append(number) }
        }
        func entry(_ path: String, _ numbers: [Int]) -> Entry {
            var entry = Entry(path: path)
            let inside = Set(numbers)
            var seen: Set<ObjectID> = []
            for number in numbers {
                entry.files += 1
                entry.logical += files[number].pointer.size
                if chunks[number].isEmpty { entry.absent += 1 }
                for id in chunks[number] where seen.insert(id).inserted {
                    let length = lengths[id] ?? 0
                    if let first = users[id]?.min(), inside.contains(first) { entry.stored += length }
                    if users[id]?.isSubset(of: inside) == true { entry.alone += length }
                }
            }
            return entry
        }
        total = entry("", Array(files.indices))
        entries = members.keys.sorted().map { entry($0, members[$0] ?? []) }
    }

    /// The folders a file lies in and, without a limit, the file itself.
    private static func ancestors(of path: String, depth: Int?) -> [String] {
        let parts = path.split(separator: "/")
        let levels = depth.map { min($0, parts.count) } ?? parts.count
        return levels < 1 ? [] : (1...levels).map { parts[..<$0].joined(separator: "/") }
    }
}
