/// What a table holds: its rows counted, its columns with a few statistics.
struct TableProfile {
    var rows = 0
    var columns: [ColumnProfile] = []
    /// Whether the statistics stop before the end.
    var isPartial = false

    /// Statistics are of so many bytes of rows at most; rows are counted to the end.
    static let byteLimit = 64 << 20
    /// Statistics are of so many columns at most.
    static let columnLimit = 200

    /// - Throws: `NotReadable` when the content is no such table.
    init(_ source: ContentSource, _ kind: ContentKind) throws {
        if kind == .jsonLines { try gatherJSON(source) } else { try gather(source, kind) }
    }

    private mutating func gather(_ source: ContentSource, _ kind: ContentKind) throws {
        let header = try TableHeader(source, kind)
        columns = header.columns.prefix(TableProfile.columnLimit).map { ColumnProfile(name: $0) }
        var rows = header.isFirstRow ? -1 : 0
        var columns = columns
        var bytes = 0
        try source.forEachRow(kind) { reader, row in
            rows += 1
            if rows == 0 { return }
            bytes += row.count
            if bytes > TableProfile.byteLimit { return }
            for (place, field) in reader.fields(row).prefix(columns.count).enumerated() { columns[place].add(field) }
        }
        self.rows = rows
        self.columns = columns
        isPartial = bytes > TableProfile.byteLimit
    }

    private mutating func gatherJSON(_ source: ContentSource) throws {
        var places: [[UInt8]: Int] = [:]
        var columns: [ColumnProfile] = []
        var rows = 0
        var bytes = 0
        try source.forEachLine { line in
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
            let row = try JSONRow(line)
            rows += 1
            bytes += line.count
            if bytes > TableProfile.byteLimit { return }
            for (key, value) in row.pairs {
                if places[key] == nil, columns.count < TableProfile.columnLimit {
                    places[key] = columns.count
                    columns.append(ColumnProfile(name: String(decoding: key, as: UTF8.self)))
                }
                // A string counts without its quotes; null as nothing.
                var text = line[value]
                if text.first == UInt8(ascii: "\"") { text = text.dropFirst().dropLast() }
                if let place = places[key] {
                    columns[place].add(text.elementsEqual("null".utf8) ? text.prefix(0) : text)
                }
            }
        }
        self.rows = rows
        self.columns = columns
        isPartial = bytes > TableProfile.byteLimit
    }
}
