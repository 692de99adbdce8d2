import Base
import Pipelines

/// The note on a commit: a readable index of the runs whose outputs are in it.
public enum Note {
    /// The note for records, one line a record, sorted by bytes.
    public static func text(_ records: [RunRecord]) -> String {
        LineUnion.merge([records.map { NoteLine($0).text }.joined(separator: "\n")])
    }

    /// The lines of a note. Of several lines of one stage the newest counts, of the same second the last by its bytes;
    /// lines that are none of ours (somebody used `git notes append`) are left out.
    public static func parse(_ text: String) -> [NoteLine] {
        var newest: [String: NoteLine] = [:]
        for line in LineUnion.lines(of: Array(text.utf8)) {
            guard let parsed = NoteLine(parsing: line) else { continue }
            if let old = newest[parsed.stage], old.time > parsed.time { continue }
            newest[parsed.stage] = parsed
        }
        return newest.values.sorted { $0.stage.utf8.lexicographicallyPrecedes($1.stage.utf8) }
    }
}

/// The content of a blob of the records ref: records, one a line.
public enum RecordLines {
    /// Lines that are no records (damage, or a format to come), beside those that are.
    public struct Content: Sendable {
        /// Oldest first; of the same second by bytes.
        public var records: [RunRecord]
        public var invalid: [String]
    }

    /// Reads the lines of a blob.
    public static func parse(_ bytes: [UInt8]) -> Content {
        var content = Content(records: [], invalid: [])
        for line in LineUnion.lines(of: bytes) {
            if let record = try? RunRecord(line: line) {
                content.records.append(record)
            } else {
                content.invalid.append(line)
            }
        }
        return content
    }

    /// The lines of records, sorted and without duplicates.
    public static func bytes(_ records: [RunRecord]) -> [UInt8] {
        LineUnion.merge([Array(records.map(\.line).joined(separator: "\n").utf8)])
    }
}
