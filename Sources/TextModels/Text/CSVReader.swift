import Base

/// RFC 4180: fields in commas, quoted where they hold commas, quotes (doubled) or line ends.
public enum CSVReader {
    /// All rows with the line each begins on.
    ///
    /// - Throws: `MLError(.invalidInput)` for a quote without end and bytes that are not UTF-8, with the line.
    public static func rows(_ bytes: [UInt8], _ name: String) throws -> [(line: Int, fields: [String])] {
        var rows: [(line: Int, fields: [String])] = []
        var fields: [String] = []
        var field: [UInt8] = []
        var line = 1
        var start = 1
        var isQuoted = false
        var hasField = false
        var position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0

        func endField() throws {
            guard let text = String(validating: field, as: UTF8.self) else { throw Lines.notText(name, start) }
            fields.append(text)
            field.removeAll(keepingCapacity: true)
        }
        func endRow() throws {
            try endField()
            rows.append((start, fields))
            fields = []
        }

        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 10 { line += 1 }
            if isQuoted {
                if byte != UInt8(ascii: "\"") {
                    field.append(byte)
                } else if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                    field.append(byte)
                    position += 1
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where field.isEmpty:
                isQuoted = true
                hasField = true
            case UInt8(ascii: ","): try endField()
            case 13 where position < bytes.count && bytes[position] == 10: break
            case 10:
                // Blank lines at the end of a file are no rows.
                if hasField || !field.isEmpty || !fields.isEmpty
                    || bytes[position...].contains(where: { $0 != 10 && $0 != 13 })
                {
                    try endRow()
                }
                start = line
                hasField = false
            default: field.append(byte)
            }
        }
        if isQuoted { throw MLError(.invalidInput, "'\(name)' line \(start): a quoted field has no end") }
        if hasField || !field.isEmpty || !fields.isEmpty { try endRow() }
        return rows
    }
}
