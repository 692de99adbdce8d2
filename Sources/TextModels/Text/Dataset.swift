import Base

/// Texts with their labels, in file order.
public struct Dataset: Sendable {
    public var texts: [String]
    public var labels: [String]
    /// Shares of the classes a teacher gave each text, instead of the labels' certainty; nil: the labels count.
    public var shares: [[Double]]?

    public init(texts: [String] = [], labels: [String] = [], shares: [[Double]]? = nil) {
        self.texts = texts
        self.labels = labels
        self.shares = shares
    }

    public var count: Int { texts.count }

    public static func + (a: Dataset, b: Dataset) -> Dataset {
        Dataset(texts: a.texts + b.texts, labels: a.labels + b.labels)
    }

    /// Some of the texts, by their places; one may come several times.
    public func rows(_ places: [Int]) -> Dataset {
        Dataset(
            texts: places.map { texts[$0] }, labels: places.map { labels[$0] },
            shares: shares.map { all in places.map { all[$0] } })
    }

    /// Reads a `.tsv`, `.csv` or `.jsonl` file with named columns.
    ///
    /// - Parameter name: the file's name, for its kind and for messages.
    /// - Throws: `MLError(.invalidInput)` for a missing column, a row of another width, bytes that are not UTF-8, and a
    ///   file without rows; always with file and line.
    public init(
        parsing bytes: [UInt8], name: String, textColumn: String = "text", labelColumn: String = "label",
        pairColumn: String? = nil
    ) throws {
        let columns = [textColumn, labelColumn] + (pairColumn.map { [$0] } ?? [])
        let rows = try Rows(parsing: bytes, name: name, columns: columns)
        self.init(
            texts: rows.values.map { $0.count == 3 ? Dataset.pair($0[0], $0[2]) : $0[0] },
            labels: rows.values.map { $0[1] })
    }

    /// Two texts as one: models of pairs take them apart again at the mark between them (ASCII's record separator).
    public static func pair(_ first: String, _ second: String) -> String { first + TextReader.pairSeparator + second }

    /// Reads texts alone: a column of such a file, or the lines of any other file.
    ///
    /// - Parameter before: lines of the file that came before these, for messages.
    public static func texts(
        parsing bytes: [UInt8], name: String, textColumn: String = "text", before: Int = 0
    ) throws -> [String] {
        if FileKind(name) != nil {
            return try Rows(parsing: bytes, name: name, columns: [textColumn]).values.map { $0[0] }
        }
        return try Lines(bytes, name, before: before).map(\.text)
    }
}

/// The kinds of files that have columns.
public enum FileKind: String, Sendable {
    case tsv, csv, jsonl

    public init?(_ name: String) {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...].lowercased() {
        case "tsv", "tab": self = .tsv
        case "csv": self = .csv
        case "jsonl", "ndjson": self = .jsonl
        default: return nil
        }
    }
}

/// The values of some columns of a file, row by row.
public struct Rows: Sendable {
    public var values: [[String]] = []

    /// - Throws: as `Dataset.init(parsing:)`.
    public init(parsing bytes: [UInt8], name: String, columns: [String]) throws {
        guard let kind = FileKind(name) else {
            throw MLError(.invalidInput, "'\(name)' is none of .tsv, .csv and .jsonl")
        }
        switch kind {
        case .tsv:
            try table(
                Lines(bytes, name).map {
                    ($0.number, $0.text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
                },
                name, columns)
        case .csv: try table(CSVReader.rows(bytes, name), name, columns)
        case .jsonl: try objects(Lines(bytes, name), name, columns)
        }
        if values.isEmpty { throw MLError(.invalidInput, "'\(name)' holds no rows") }
    }

    private mutating func table(_ rows: [(line: Int, fields: [String])], _ name: String, _ columns: [String]) throws {
        guard let header = rows.first?.fields else { return }
        let positions = try columns.map { column -> Int in
            guard let position = header.firstIndex(of: column) else { throw Rows.missing(column, name, header) }
            return position
        }
        values.reserveCapacity(rows.count)
        for row in rows.dropFirst() {
            guard row.fields.count == header.count else {
                throw MLError(
                    .invalidInput,
                    "'\(name)' line \(row.line): \(row.fields.count) fields where the header has \(header.count)")
            }
            values.append(positions.map { row.fields[$0] })
        }
    }

    private mutating func objects(_ lines: Lines, _ name: String, _ columns: [String]) throws {
        for line in lines where !line.text.isEmpty {
            let object: JSON
            do { object = try JSON(parsing: line.text) } catch {
                throw MLError(.invalidInput, "'\(name)' line \(line.number): \(error)")
            }
            values.append(
                try columns.map { column in
                    switch object[column] {
                    case .string(let text)?: return text
                    case nil:
                        throw MLError(
                            .invalidInput, "'\(name)' line \(line.number) has no key '\(column)'",
                            hint: "its keys are: \((object.objectValue?.keys ?? []).joined(separator: ", "))")
                    case let value?: return value.compact()
                    }
                })
        }
    }

    private static func missing(_ column: String, _ name: String, _ present: [String]) -> MLError {
        MLError(
            .invalidInput, "'\(name)' has no column '\(column)'",
            hint: "its columns are: \(present.joined(separator: ", "))")
    }
}

/// Text lines with their numbers.
struct Lines: Sequence {
    struct Line {
        var number: Int
        var text: String
    }

    private let lines: [Line]

    init(_ bytes: [UInt8], _ name: String, before: Int = 0) throws {
        var lines: [Line] = []
        var number = before
        let end = bytes.last == 10 ? bytes.count - 1 : bytes.count
        for part in bytes[..<Swift.max(0, end)].split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let visible = part.last == 13 ? part.dropLast() : part
            guard let text = String(validating: visible, as: UTF8.self) else { throw Lines.notText(name, number) }
            // A byte order mark is no part of the first column's name.
            lines.append(
                Line(number: number, text: number == 1 && text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text))
        }
        self.lines = bytes.isEmpty ? [] : lines
    }

    static func notText(_ name: String, _ line: Int) -> MLError {
        MLError(
            .invalidInput, "'\(name)' line \(line) is not UTF-8 text", hint: "convert the file, for example with iconv")
    }

    func makeIterator() -> IndexingIterator<[Line]> { lines.makeIterator() }
}
