import Base

/// How two versions of a table differ: their columns, and their rows over the columns both have.
public struct TableDiff: Hashable, Sendable {
    public struct Renamed: Hashable, Sendable {
        public var old: String
        public var new: String

        public init(old: String, new: String) {
            self.old = old
            self.new = new
        }
    }

    /// Names in the order of their version.
    public var columnsAdded: [String] = []
    public var columnsRemoved: [String] = []
    /// Columns with another name and the same values.
    public var columnsRenamed: [Renamed] = []
    /// Whether columns of both versions stand in another order (never for JSON Lines, whose keys have none).
    public var isColumnOrderChanged = false
    /// Rows, the header not counted.
    public var rows: RowChanges

    /// Compares CSV or TSV files.
    ///
    /// - Throws: `NotReadable` when one is no such file; errors of the sources.
    init(delimited old: ContentSource, _ new: ContentSource, _ kind: ContentKind) throws {
        let before = try TableHeader(old, kind)
        let after = try TableHeader(new, kind)
        // Where one version has no names, no column can be told from another by name.
        let isNamed = before.isFirstRow && after.isFirstRow
        guard isNamed, before.columns != after.columns else {
            let skip = isNamed ? 1 : 0
            rows = RowChanges(
                old: try TableDiff.rows(old, kind, skip: skip, columns: nil),
                new: try TableDiff.rows(new, kind, skip: skip, columns: nil))
            return
        }
        let mapped = try ColumnMatch(old, new, kind, before, after)
        columnsAdded = mapped.added
        columnsRemoved = mapped.removed
        columnsRenamed = mapped.renamed
        isColumnOrderChanged = mapped.newPlaces != mapped.newPlaces.sorted()
        rows = RowChanges(
            old: try TableDiff.rows(old, kind, skip: 1, columns: mapped.oldPlaces),
            new: try TableDiff.rows(new, kind, skip: 1, columns: mapped.newPlaces))
    }

    /// Compares JSON Lines files; their columns are the keys of all objects.
    ///
    /// - Throws: `NotReadable` when one is no such file; errors of the sources.
    init(jsonLines old: ContentSource, _ new: ContentSource) throws {
        let before = try JSONKeys(old, only: nil)
        let after = try JSONKeys(new, only: nil)
        let common = Set(before.keys).intersection(after.keys)
        columnsAdded = after.keys.filter { !common.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        columnsRemoved = before.keys.filter { !common.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        if columnsAdded.isEmpty && columnsRemoved.isEmpty {
            rows = RowChanges(old: before.rows, new: after.rows)
        } else {
            rows = RowChanges(old: try JSONKeys(old, only: common).rows, new: try JSONKeys(new, only: common).rows)
        }
    }

    private static func rows(_ source: ContentSource, _ kind: ContentKind, skip: Int, columns: [Int]?) throws
        -> [RowHash]
    {
        var hashes: [RowHash] = []
        var number = 0
        try source.forEachRow(kind) { reader, row in
            number += 1
            if number > skip { hashes.append(reader.hash(row, columns: columns)) }
        }
        return hashes
    }
}

/// The keys of a JSON Lines file in the order they first appear, and a hash of each row.
private struct JSONKeys {
    var keys: [[UInt8]] = []
    var rows: [RowHash] = []

    /// More are no columns of anything.
    private static let limit = 10_000

    init(_ source: ContentSource, only: Set<[UInt8]>?) throws {
        var seen: Set<[UInt8]> = []
        var keys: [[UInt8]] = []
        var rows: [RowHash] = []
        try source.forEachLine { line in
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
            let row = try JSONRow(line)
            for (key, _) in row.pairs where seen.insert(key).inserted { keys.append(key) }
            if keys.count > JSONKeys.limit { throw NotReadable("it has more than \(JSONKeys.limit) keys") }
            rows.append(row.hash(keys: only))
        }
        self.keys = keys
        self.rows = rows
    }
}
