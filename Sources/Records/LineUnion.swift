import Base

/// Joins texts line by line, as `git notes merge -s cat_sort_uniq` does: the lines of all, sorted by their bytes, without
/// duplicates and blank lines.
///
/// That alone could never forget a line. So a line can be taken back by a tombstone, the line
/// `# removed <SHA-256 of the line in hex>`: a join leaves out the line and keeps the tombstone. Joining is commutative,
/// associative and idempotent, with tombstones too.
public enum LineUnion {
    private static let tombstonePrefix = "# removed "

    /// The joined text; each line ends in a line feed. Empty when there are no lines.
    public static func merge(_ texts: [[UInt8]]) -> [UInt8] {
        var lines: Set<ArraySlice<UInt8>> = []
        for text in texts {
            for line in text.split(separator: 10) {
                let trimmed = trimmedEnd(line)
                if !trimmed.isEmpty { lines.insert(trimmed) }
            }
        }
        let removed = Set(lines.compactMap { removedID($0) })
        var result: [UInt8] = []
        for line in lines.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if !removed.isEmpty, removedID(line) == nil, removed.contains(ObjectID.of(Array(line))) { continue }
            result += line
            result.append(10)
        }
        return result
    }

    /// The same for text.
    public static func merge(_ texts: [String]) -> String {
        String(decoding: merge(texts.map { Array($0.utf8) }), as: UTF8.self)
    }

    /// The line that takes `line` back.
    public static func tombstone(for line: String) -> String { tombstonePrefix + ObjectID.of(line).hex }

    /// Lines that count: without tombstones, comments and what tombstones name.
    public static func lines(of text: [UInt8]) -> [String] {
        merge([text]).split(separator: 10).compactMap { line in
            line.first == UInt8(ascii: "#") ? nil : String(decoding: line, as: UTF8.self)
        }
    }

    private static func removedID(_ line: ArraySlice<UInt8>) -> ObjectID? {
        guard line.starts(with: tombstonePrefix.utf8) else { return nil }
        return ObjectID(hex: String(decoding: line.dropFirst(tombstonePrefix.utf8.count), as: UTF8.self))
    }

    /// Git's stripspace takes blanks off the end of note lines, and so must we, or lines would double.
    private static func trimmedEnd(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let last = line.last, last == 32 || last == 9 || last == 13 { line.removeLast() }
        return line
    }
}
