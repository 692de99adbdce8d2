import Glibc

/// Rows of comma- or tab-separated values.
///
/// Commas: RFC 4180; a quote opens a field only where the field begins, and a quoted field may hold line feeds. Tabs: as
/// IANA's text/tab-separated-values has it, without any quoting, so that a lone quote in a text does no harm.
struct DelimitedRows {
    let delimiter: UInt8
    let isQuoted: Bool
    private var pending: [UInt8] = []
    /// Whether a quoted field goes on in the next line.
    private(set) var isOpen = false
    private var atFieldStart = true

    init(_ kind: ContentKind) {
        delimiter = UInt8(ascii: kind == .tsv ? "\t" : ",")
        isQuoted = kind == .csv
    }

    private static let quote = UInt8(ascii: "\"")

    /// Takes the next line; hands over a row when one is complete. Blank lines are no rows.
    mutating func feed(_ line: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if pending.isEmpty && (!isQuoted || !DelimitedRows.contains(line, DelimitedRows.quote)) {
            let row = DelimitedRows.trimmed(line)
            if !row.isEmpty { try body(row) }
            return
        }
        let start = pending.count
        pending.append(contentsOf: line)
        scan(from: start)
        if isOpen {
            pending.append(10)
            if pending.count > LineSplitter.limit { throw NotReadable("a quoted field has no end") }
            return
        }
        try pending.withUnsafeBytes { try body(DelimitedRows.trimmed($0)) }
        pending.removeAll(keepingCapacity: true)
        atFieldStart = true
    }

    func finish() throws { if isOpen { throw NotReadable("a quoted field has no end") } }

    /// Follows the quotes to the end of what is pending.
    private mutating func scan(from start: Int) {
        var index = start
        while index < pending.count {
            let byte = pending[index]
            if isOpen {
                if byte == DelimitedRows.quote {
                    if index + 1 < pending.count && pending[index + 1] == DelimitedRows.quote {
                        index += 1
                    } else {
                        isOpen = false
                    }
                }
            } else if byte == DelimitedRows.quote && atFieldStart {
                isOpen = true
            }
            atFieldStart = byte == delimiter && !isOpen
            index += 1
        }
    }

    /// The fields of a row, unquoted.
    func fields(_ row: UnsafeRawBufferPointer) -> [[UInt8]] {
        guard isQuoted, DelimitedRows.contains(row, DelimitedRows.quote) else {
            return row.split(separator: delimiter, omittingEmptySubsequences: false).map(Array.init)
        }
        var fields: [[UInt8]] = []
        var field: [UInt8] = []
        var isOpen = false
        var atStart = true
        var index = 0
        while index < row.count {
            let byte = row[index]
            if isOpen {
                if byte != DelimitedRows.quote {
                    field.append(byte)
                } else if index + 1 < row.count && row[index + 1] == DelimitedRows.quote {
                    field.append(byte)
                    index += 1
                } else {
                    isOpen = false
                }
            } else if byte == DelimitedRows.quote && atStart {
                isOpen = true
                atStart = false
            } else if byte == delimiter {
                fields.append(field)
                field = []
                atStart = true
            } else {
                field.append(byte)
                atStart = false
            }
            index += 1
        }
        return fields + [field]
    }

    /// The hash of a row's values: the same however they are quoted.
    ///
    /// - Parameter columns: only these, in this order; nil for all as they stand.
    func hash(_ row: UnsafeRawBufferPointer, columns: [Int]?) -> RowHash {
        if columns == nil && !(isQuoted && DelimitedRows.contains(row, DelimitedRows.quote)) { return RowHash(row) }
        let fields = fields(row)
        var canonical: [UInt8] = []
        canonical.reserveCapacity(row.count)
        for (place, column) in (columns ?? Array(fields.indices)).enumerated() {
            if place > 0 { canonical.append(delimiter) }
            if column < fields.count { append(fields[column], to: &canonical) }
        }
        return RowHash(canonical)
    }

    /// Quotes where a field needs it: one spelling for each value.
    private func append(_ field: [UInt8], to out: inout [UInt8]) {
        guard isQuoted, field.contains(where: { $0 == delimiter || $0 == DelimitedRows.quote || $0 == 10 || $0 == 13 })
        else { return out += field }
        out.append(DelimitedRows.quote)
        for byte in field {
            if byte == DelimitedRows.quote { out.append(byte) }
            out.append(byte)
        }
        out.append(DelimitedRows.quote)
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ byte: UInt8) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        return memchr(base, Int32(byte), bytes.count) != nil
    }

    /// Without the carriage return of a CRLF line end.
    private static func trimmed(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        line.last == 13 ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
    }
}

extension ContentSource {
    /// Every row with columns separated by commas or tabs, the header included.
    func forEachRow(_ kind: ContentKind, _ body: (DelimitedRows, UnsafeRawBufferPointer) throws -> Void) throws {
        var rows = DelimitedRows(kind)
        let reader = rows
        var isFirst = true
        try forEachLine { line in
            var line = line
            // A byte order mark is no part of the first name.
            if isFirst, line.starts(with: [0xef, 0xbb, 0xbf]) { line = UnsafeRawBufferPointer(rebasing: line[3...]) }
            isFirst = false
            try rows.feed(line) { try body(reader, $0) }
        }
        try rows.finish()
    }
}
