import Base
import Glibc

/// Merges two versions of line-based data that grew from a common one.
///
/// Lines, or the rows of a table, are numbered and git's own merge lines the numbers up, so that a row is never merged in
/// parts and no conflict marker can be taken for data. What git calls a conflict is tried again row by row for tables.
public struct ContentMerge {
    public enum Outcome: Hashable, Sendable {
        case merged([UInt8])
        /// Why it cannot be merged by content.
        case conflict(String)
    }

    /// Runs a three-way merge of small texts and answers with conflicts in git's `diff3` style.
    public typealias LineMerge = (_ ours: [UInt8], _ base: [UInt8], _ theirs: [UInt8]) throws -> [UInt8]

    /// No version may be longer, in bytes: all three are held in memory.
    public static let sizeLimit: Int64 = 256 << 20

    /// - Parameters:
    ///   - path: whose ending names the kind.
    ///   - base: empty when both sides added the file.
    ///   - lineMerge: `git merge-file --diff3`.
    /// - Throws: errors of `lineMerge`.
    public static func merge(
        path: String, base: [UInt8], ours: [UInt8], theirs: [UInt8], lineMerge: LineMerge
    ) throws -> Outcome {
        if [base, ours, theirs].contains(where: isBinary) { return .conflict("binary content") }
        var kind = kind(path, ours, theirs)
        if kind.isTable {
            do {
                return try merge(Versions(base, ours, theirs, kind), lineMerge)
            } catch is NotReadable { kind = .text }
        }
        let outcome = try merge(Versions(base, ours, theirs, kind), lineMerge)
        guard kind == .json, case .merged(let bytes) = outcome else { return outcome }
        // Lines that merge well can still make no document.
        let wereDocuments = (try? JSON(parsing: ours)) != nil && (try? JSON(parsing: theirs)) != nil
        return wereDocuments && (try? JSON(parsing: bytes)) == nil
            ? .conflict("the merged lines are no JSON document") : outcome
    }

    /// Whether no merge by content can succeed: git's own rule, a NUL byte.
    public static func isBinary(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return false }
            return memchr(start, 0, buffer.count) != nil
        }
    }

    private static func kind(_ path: String, _ ours: [UInt8], _ theirs: [UInt8]) -> ContentKind {
        let kinds = [ours, theirs].map {
            ContentKind.detect(path: path, head: Array($0.prefix(ContentKind.headLength)), size: Int64($0.count))
        }
        return ContentKind.common(kinds[0], kinds[1])
    }

    private static func merge(_ versions: Versions, _ lineMerge: LineMerge) throws -> Outcome {
        guard versions.haveSameColumns else { return .conflict("the sides have different columns") }
        let text = try lineMerge(
            Versions.text(versions.ours), Versions.text(versions.base), Versions.text(versions.theirs))
        var merged: [Int] = []
        var conflicts = 0
        for part in try ConflictPart.parse(text) {
            switch part {
            case .clean(let rows): merged += rows
            case .conflict(let ours, let base, let theirs):
                if versions.kind.isTable, let rows = RowMerge.merge(base: base, ours: ours, theirs: theirs) {
                    merged += rows
                } else {
                    conflicts += 1
                }
            }
        }
        let unit = versions.kind.isTable ? "rows" : "lines"
        if conflicts > 0 {
            return .conflict(
                "\(conflicts == 1 ? "one place" : "\(conflicts) places") where both changed the same \(unit)")
        }
        return .merged(versions.bytes(of: merged))
    }
}

/// Three versions as lists of numbers: the same line or row has the same number everywhere.
private struct Versions {
    let kind: ContentKind
    private(set) var base: [Int] = []
    private(set) var ours: [Int] = []
    private(set) var theirs: [Int] = []
    /// Where each line or row is: in which version, from where to where.
    private var units: [(version: Int, range: Range<Int>)] = []
    private var numbers: [RowHash: Int] = [:]
    private let contents: [[UInt8]]
    private let endsWithLineFeed: Bool

    /// - Throws: `NotReadable` when one of them is no such table.
    init(_ base: [UInt8], _ ours: [UInt8], _ theirs: [UInt8], _ kind: ContentKind) throws {
        self.kind = kind
        contents = [base, ours, theirs]
        let ends = contents.map { $0.isEmpty || $0.last == 10 }
        endsWithLineFeed = ends[1] == ends[0] ? ends[2] : ends[1]
        self.base = try number(0)
        self.ours = try number(1)
        self.theirs = try number(2)
        numbers = [:]
    }

    /// Whether rows of one side can stand in the table of the other: rows of another width cannot. Without a base, only
    /// the same first row shows that two tables belong together; JSON Lines have none.
    var haveSameColumns: Bool {
        guard kind.isTable else { return true }
        if base.isEmpty && (kind == .jsonLines || ours.first != theirs.first) { return false }
        if kind == .jsonLines { return true }
        let reader = DelimitedRows(kind)
        let widths = [base, ours, theirs].compactMap { rows in
            rows.first.map { first in
                contents[units[first].version][units[first].range].withUnsafeBytes { reader.fields($0).count }
            }
        }
        return Set(widths).count <= 1
    }

    static func text(_ rows: [Int]) -> [UInt8] {
        var out: [UInt8] = []
        for row in rows { out += Array("\(row)\n".utf8) }
        return out
    }

    func bytes(of rows: [Int]) -> [UInt8] {
        var out: [UInt8] = []
        for (index, row) in rows.enumerated() {
            out += contents[units[row].version][units[row].range]
            if index < rows.count - 1 || endsWithLineFeed { out.append(10) }
        }
        return out
    }

    private mutating func number(_ version: Int) throws -> [Int] {
        var rows = DelimitedRows(kind == .csv ? .csv : .tsv)
        var list: [Int] = []
        let bytes = contents[version]
        try bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            var position = 0
            while position < buffer.count {
                let found = memchr(base + position, 10, buffer.count - position)
                let end = found.map { UnsafeRawPointer($0) - base } ?? buffer.count
                if kind == .csv { try rows.feed(UnsafeRawBufferPointer(rebasing: buffer[position..<end])) { _ in } }
                position = end + 1
                if rows.isOpen { continue }
                list.append(number(of: start..<end, version, UnsafeRawBufferPointer(rebasing: buffer[start..<end])))
                start = position
            }
        }
        try rows.finish()
        return list
    }

    /// Equal units are found by their hash and then compared: data is at stake, so a hash alone does not decide.
    private mutating func number(of range: Range<Int>, _ version: Int, _ unit: UnsafeRawBufferPointer) -> Int {
        var hash = RowHash(unit)
        while let known = numbers[hash] {
            let other = units[known]
            let isSame = contents[other.version].withUnsafeBytes { buffer in
                guard other.range.count == unit.count, let a = buffer.baseAddress, let b = unit.baseAddress else {
                    return other.range.isEmpty && unit.isEmpty
                }
                return memcmp(a + other.range.lowerBound, b, unit.count) == 0
            }
            if isSame { return known }
            hash.low &+= 1
        }
        numbers[hash] = units.count
        units.append((version, range))
        return units.count - 1
    }
}

/// A piece of a merge in git's `diff3` style, its lines being numbers.
private enum ConflictPart {
    case clean([Int])
    case conflict(ours: [Int], base: [Int], theirs: [Int])

    static func parse(_ text: [UInt8]) throws -> [ConflictPart] {
        var parts: [ConflictPart] = []
        var sections: [[Int]] = [[]]
        for line in text.split(separator: 10) {
            switch line.first {
            case UInt8(ascii: "<"), UInt8(ascii: ">"):
                parts.append(
                    sections.count == 3
                        ? .conflict(ours: sections[0], base: sections[1], theirs: sections[2]) : .clean(sections[0]))
                sections = [[]]
            case UInt8(ascii: "|"), UInt8(ascii: "="): sections.append([])
            default:
                guard let row = Int(String(decoding: line, as: UTF8.self)) else {
                    throw MLError(.failed, "git merge-file answered with an unknown line")
                }
                sections[sections.count - 1].append(row)
            }
        }
        return parts + [.clean(sections[0])]
    }
}
