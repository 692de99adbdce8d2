import Base

/// The difference between two sets of data files.
public struct DataDiff: Hashable, Sendable {
    /// What a path stands for.
    public struct Content: Hashable, Sendable {
        public var id: ObjectID
        public var size: Int64

        public init(id: ObjectID, size: Int64) {
            self.id = id
            self.size = size
        }
    }

    /// What happened to a file.
    public enum Change: String, Sendable { case added, removed, modified, renamed }

    /// One file.
    public struct Row: Hashable, Sendable {
        /// The new path, or the old one of a removed file.
        public var path: String
        public var change: Change
        /// The path before, of a renamed file.
        public var oldPath: String?
        public var old: Content?
        public var new: Content?
    }

    /// Sorted by path.
    public var rows: [Row]

    /// Compares files by path. A file that went and one that came with the same content are one renamed file; of several
    /// candidates the first by path is taken.
    public init(old: [String: Content], new: [String: Content]) {
        var rows: [Row] = []
        var removed: [ObjectID: [String]] = [:]
        for (path, content) in old where new[path] == nil { removed[content.id, default: []].append(path) }
        for id in removed.keys { removed[id]?.sort { $1.utf8.lexicographicallyPrecedes($0.utf8) } }
        for path in new.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let content = new[path] else { continue }
            if let before = old[path] {
                if before.id != content.id {
                    rows.append(Row(path: path, change: .modified, old: before, new: content))
                }
            } else if let source = removed[content.id]?.popLast() {
                rows.append(Row(path: path, change: .renamed, oldPath: source, old: old[source], new: content))
            } else {
                rows.append(Row(path: path, change: .added, old: nil, new: content))
            }
        }
        for path in removed.values.joined() { rows.append(Row(path: path, change: .removed, old: old[path], new: nil)) }
        self.rows = rows.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// A list of `{path, change, old: {oid, size}|null, new: …}`, with `old_path` for renamed files.
    public var json: JSON {
        .array(
            rows.map { row in
                var object: JSONObject = ["path": .string(row.path), "change": .string(row.change.rawValue)]
                if let oldPath = row.oldPath { object["old_path"] = .string(oldPath) }
                object["old"] = DataDiff.encode(row.old)
                object["new"] = DataDiff.encode(row.new)
                return .object(object)
            })
    }

    private static func encode(_ content: Content?) -> JSON {
        content.map { ["oid": .string($0.id.hex), "size": .integer($0.size)] } ?? .null
    }
}

/// What two revisions differ in: `git mlrun diff`.
public struct RevisionDiff: Hashable, Sendable {
    public var params: ValueDiff
    public var metrics: ValueDiff
    public var data: DataDiff

    public init(params: ValueDiff, metrics: ValueDiff, data: DataDiff) {
        self.params = params
        self.metrics = metrics
        self.data = data
    }

    /// Whether nothing differs.
    public var isEmpty: Bool { params.rows.isEmpty && metrics.rows.isEmpty && data.rows.isEmpty }

    /// `{params, metrics, data}`
    public var json: JSON { ["params": params.json, "metrics": metrics.json, "data": data.json] }
}
