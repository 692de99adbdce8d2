import Base
import Pipelines

/// Plot files as rows: CSV and TSV with a title line (or without, then columns are numbered), JSON and YAML lists of
/// mappings.
public enum PlotData {
    /// Reads rows.
    ///
    /// - Parameters:
    ///   - hasHeader: whether the first line of a CSV or TSV file holds the titles.
    /// - Throws: `MLError(.invalidInput)` for what has no rows.
    public static func read(_ bytes: [UInt8], name: String, hasHeader: Bool = true) throws -> [JSONObject] {
        let lower = name.lowercased()
        if lower.hasSuffix(".csv") || lower.hasSuffix(".tsv") {
            return try delimited(bytes, UInt8(ascii: lower.hasSuffix(".csv") ? "," : "\t"), name, hasHeader)
        }
        return try rows(Params.load(bytes, name: name), name)
    }

    /// A list of mappings; of a mapping the first list of mappings in it, as DVC looks for it.
    static func rows(_ value: JSON, _ name: String) throws -> [JSONObject] {
        if let found = find(value) { return found }
        throw MLError(.invalidInput, "'\(name)' holds no list of rows to plot")
    }

    private static func find(_ value: JSON) -> [JSONObject]? {
        if let list = value.arrayValue {
            let rows = list.compactMap(\.objectValue)
            return rows.count == list.count && !rows.isEmpty ? rows : nil
        }
        for (_, inner) in value.objectValue?.pairs ?? [] { if let found = find(inner) { return found } }
        return nil
    }

    /// RFC 4180; a TSV file has no quotes.
    private static func delimited(
        _ bytes: [UInt8], _ separator: UInt8, _ name: String, _ hasHeader: Bool
    ) throws -> [JSONObject] {
        var records: [[String]] = []
        var record: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var position = 0
        let quote = UInt8(ascii: "\"")
        func endField() {
            record.append(String(decoding: field, as: UTF8.self))
            field = []
        }
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if isQuoted {
                if byte != quote {
                    field.append(byte)
                } else if position < bytes.count, bytes[position] == quote {
                    field.append(quote)
                    position += 1
                } else {
                    isQuoted = false
                }
            } else if byte == quote, field.isEmpty, separator == UInt8(ascii: ",") {
                isQuoted = true
            } else if byte == separator {
                endField()
            } else if byte == 10 {
                endField()
                if record != [""] { records.append(record) }
                record = []
            } else if byte != 13 {
                field.append(byte)
            }
        }
        if isQuoted { throw MLError(.invalidInput, "'\(name)' ends inside quotes") }
        if !field.isEmpty || !record.isEmpty {
            endField()
            records.append(record)
        }
        guard let first = records.first else { return [] }
        let titles = hasHeader ? first : first.indices.map(String.init)
        return records.dropFirst(hasHeader ? 1 : 0).map { record in
            JSONObject(zip(titles, record).map { ($0, RecordedValues.value($1)) })
        }
    }
}
