/// The columns of a table.
struct TableHeader: Hashable, Sendable {
    /// Names in order; "column 1" and so on where the file has none.
    var columns: [String]
    /// Whether the first row holds the names.
    var isFirstRow: Bool

    /// How many rows are looked at to tell names from values.
    private static let probed = 200

    /// Reads the header of a CSV or TSV file.
    init(_ source: ContentSource, _ kind: ContentKind) throws {
        struct Enough: Error {}
        var rows: [[String]] = []
        do {
            try source.forEachRow(kind) { reader, row in
                rows.append(reader.fields(row).map { String(decoding: $0, as: UTF8.self) })
                if rows.count > TableHeader.probed { throw Enough() }
            }
        } catch is Enough {}
        guard let first = rows.first else { throw NotReadable("it has no rows") }
        isFirstRow = TableHeader.areNames(first, of: rows.dropFirst())
        columns = isFirstRow ? first : first.indices.map { "column \($0 + 1)" }
    }

    /// Names are distinct, not empty and no numbers, and none is a value of its own column.
    private static func areNames(_ first: [String], of rows: ArraySlice<[String]>) -> Bool {
        guard Set(first).count == first.count, first.allSatisfy({ !$0.isEmpty && Double($0) == nil }) else {
            return false
        }
        return !rows.contains { row in zip(first, row).contains { $0 == $1 } }
    }
}
