import Base

/// Changes to the text of a `.gitattributes` file that leave every other byte as it is.
public enum AttributeLines {
    /// What a tracked line sets.
    static let ours = ["filter=mldata", "diff=mldata", "merge=mldata", "-text"]

    /// `filter=lfs`, `diff=lfs` and `merge=lfs` become ours, in patterns and in macros; nothing else changes.
    ///
    /// - Returns: the new text and how many lines changed.
    public static func replacingLFS(_ text: [UInt8]) -> (text: [UInt8], lines: Int) {
        var changed = 0
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { line -> [UInt8] in
            guard !isComment(line) else { return Array(line) }
            let words = words(line)
            guard words.dropFirst().contains(where: { $0.elementsEqual("filter=lfs".utf8) }) else { return Array(line) }
            changed += 1
            var out: [UInt8] = []
            var end = line.startIndex
            for word in words {
                // The space between words stays as it was typed.
                out += line[end..<word.startIndex]
                let name = String(decoding: word, as: UTF8.self)
                let isOld =
                    word.startIndex > (words.first?.startIndex ?? 0)
                    && ["filter=lfs", "diff=lfs", "merge=lfs"].contains(name)
                out += isOld ? Array((name.dropLast("lfs".count) + "mldata").utf8) : Array(word)
                end = word.endIndex
            }
            return out + line[end...]
        }
        return (Array(lines.joined(separator: [0x0A])), changed)
    }

    /// Appends tracked lines that are not there yet.
    ///
    /// - Parameter patterns: as they stand in the file, escaped.
    static func adding(_ patterns: [[UInt8]], to text: [UInt8]) -> [UInt8] {
        let suffix = Array((" " + ours.joined(separator: " ")).utf8)
        let present = Set(text.split(separator: 0x0A).map(Array.init))
        var out = text
        for pattern in patterns where !present.contains(pattern + suffix) {
            if let last = out.last, last != 0x0A { out.append(0x0A) }
            out += pattern + suffix
            out.append(0x0A)
        }
        return out
    }

    /// Takes our attributes out: a line that sets nothing else goes.
    ///
    /// - Returns: nil when no line was ours.
    static func removingOurs(_ text: [UInt8]) -> [UInt8]? {
        var removed = false
        var kept: [[UInt8]] = []
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let words = words(line)
            guard !isComment(line), words.dropFirst().contains(where: { $0.elementsEqual("filter=mldata".utf8) }) else {
                kept.append(Array(line))
                continue
            }
            removed = true
            let rest = words.filter { !ours.contains(String(decoding: $0, as: UTF8.self)) }
            if rest.count > 1 { kept.append(Array(rest.map(Array.init).joined(separator: [0x20]))) }
        }
        return removed ? Array(kept.joined(separator: [0x0A])) : nil
    }

    /// Attributes that say nothing of filters, and are no macros that could.
    private static let harmless: Set<String> = [
        "text", "eol", "crlf", "diff", "merge", "binary", "whitespace", "ident", "export-ignore", "export-subst",
        "delta",
        "encoding", "working-tree-encoding", "conflict-marker-size", "lockable",
    ]

    /// Whether a file's lines could set or unset a filter, themselves or through a macro.
    static func mayDecideFilter(_ text: [UInt8]) -> Bool {
        text.split(separator: 0x0A).contains { line in
            !isComment(line)
                && words(line).dropFirst().contains { word in
                    let name = word.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "!") }.prefix {
                        $0 != UInt8(ascii: "=")
                    }
                    return !harmless.contains(String(decoding: name, as: UTF8.self))
                }
        }
    }

    /// A pattern that matches exactly one path from the file's folder: slash in front, wildcards escaped. Git has no quoting
    /// of white space that all versions read, so it becomes the class of it.
    public static func exactPattern(_ path: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x2F]
        for byte in path {
            switch byte {
            case 0x20, 0x09...0x0D: out += "[[:space:]]".utf8
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "\\"):
                out += [0x5C, byte]
            default: out.append(byte)
            }
        }
        return out
    }

    private static func isComment(_ line: ArraySlice<UInt8>) -> Bool { words(line).first?.first == UInt8(ascii: "#") }

    /// The words of a line. A pattern in double quotes may hold spaces.
    private static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var words: [ArraySlice<UInt8>] = []
        var index = line.startIndex
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        while index < line.endIndex {
            guard !isSpace(line[index]) else {
                index += 1
                continue
            }
            let start = index
            if words.isEmpty && line[index] == UInt8(ascii: "\"") {
                index += 1
                while index < line.endIndex, line[index] != UInt8(ascii: "\"") {
                    index += line[index] == 0x5C ? 2 : 1
                }
                index = min(index, line.endIndex)
            }
            while index < line.endIndex, !isSpace(line[index]) { index += 1 }
            words.append(line[start..<index])
        }
        return words
    }
}
