import Base
import GitKit
import ObjectStore

/// The patterns in `.gitattributes` files that hand files to git-ml.
public struct TrackedPatterns: Sendable {
    /// What a tracked pattern sets.
    public static let attributes = "filter=mldata diff=mldata merge=mldata -text"

    public struct Pattern: Hashable, Sendable {
        /// As in `.gitattributes`, unescaped.
        public var pattern: String
        /// The file it stands in, relative to the top.
        public var source: String
        /// Files below this size stay in Git, as it is written; nil without a limit.
        public var minimumSize: String?
    }

    /// All tracked patterns and where each comes from.
    public static func list(_ repository: Repository) throws -> [Pattern] {
        let top = try repository.requireWorkTree()
        let listing = try repository.git.run(
            [
                "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".gitattributes",
                "**/.gitattributes",
            ])
        let names = Set(listing.output.split(separator: 0).map { String(path: $0) })
        var found: [Pattern] = []
        for name in names.sorted() where Files.exists(top + "/" + name) {
            found += try patterns(inFile: top + "/" + name, source: name)
        }
        let local = repository.commonDirectory + "/info/attributes"
        if Files.exists(local) {
            found += try patterns(inFile: local, source: ".git/info/attributes")
        }
        return found
    }

    /// What a pattern as people type it means in the `.gitattributes` of a folder: no `./` in front, everything in a
    /// folder that is named with a slash behind, and paths from the file system's root from this folder.
    ///
    /// - Throws: `MLError(.usage)` for what lies outside of the folder.
    public static func normal(_ pattern: String, folder: String, _ repository: Repository) throws -> String {
        var text = pattern
        while text.hasPrefix("./") { text.removeFirst(2) }
        let top = try repository.requireWorkTree()
        let here = folder.isEmpty ? top : top + "/" + folder
        if text.hasPrefix(here + "/") { text.removeFirst(here.count) }
        if text.hasPrefix("../") || text == ".." {
            throw MLError(
                .usage, "pattern '\(pattern)' lies outside of this folder",
                hint: "run the command in a folder above")
        }
        if text.isEmpty || text == "." { return "**" }
        return text.hasSuffix("/") && text.count > 1 ? text + "**" : text
    }

    /// The pattern that this very name matches and no other.
    public static func exact(_ name: String) -> String {
        name.map { "*?[\\".contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    /// Adds patterns to the `.gitattributes` of a folder.
    ///
    /// - Parameters:
    ///   - folder: relative to the top; empty for the top.
    ///   - minimumSize: smaller files stay in Git; nil leaves what a pattern has.
    ///   - isLockable: sets or takes away the attribute `lockable`; nil leaves what a pattern has.
    ///   - isDry: only says what would change.
    /// - Returns: the patterns whose lines are new or changed.
    public static func add(
        _ patterns: [String], folder: String, minimumSize: String? = nil, isLockable: Bool? = nil, isDry: Bool = false,
        _ repository: Repository
    ) throws -> [String] {
        let path = try file(folder, repository)
        var kept = Files.exists(path) ? lines(try Files.readText(path)) : []
        if kept.last == "" { kept.removeLast() }
        var changed: [String] = []
        for pattern in patterns {
            let old = kept.firstIndex { trackedPattern($0) == pattern }
            let size = minimumSize ?? old.flatMap { MinimumSizes.value(inLine: kept[$0]) }
            let lockable = isLockable ?? old.map { kept[$0].split(separator: " ").contains("lockable") } ?? false
            let line =
                "\(escape(pattern)) \(attributes)\(lockable ? " lockable" : "")"
                + (size.map { " \(MinimumSizes.attribute)=\($0)" } ?? "")
            if let position = old {
                if minimumSize == nil && isLockable == nil || kept[position] == line { continue }
                kept[position] = line
            } else {
                kept.append(line)
            }
            changed.append(pattern)
        }
        if changed.isEmpty || isDry { return changed }
        try repository.writeWorkTreeFile(Array(kept.map { $0 + "\n" }.joined().utf8), to: path)
        return changed
    }

    /// Removes patterns from the `.gitattributes` of a folder; other lines stay as they are.
    ///
    /// - Returns: the patterns that were tracked.
    public static func remove(_ patterns: [String], folder: String, _ repository: Repository) throws -> [String] {
        let path = try file(folder, repository)
        guard Files.exists(path) else { return [] }
        var removed: [String] = []
        let kept = lines(try Files.readText(path)).filter { line in
            guard let pattern = trackedPattern(line), patterns.contains(pattern) else { return true }
            removed.append(pattern)
            return false
        }
        if removed.isEmpty { return [] }
        if kept.allSatisfy({ $0.isEmpty }) {
            try Files.remove(path)
        } else {
            try repository.writeWorkTreeFile(Array(kept.joined(separator: "\n").utf8), to: path)
        }
        return removed
    }

    private static func file(_ folder: String, _ repository: Repository) throws -> String {
        let top = try repository.requireWorkTree()
        let path = folder.isEmpty ? top + "/.gitattributes" : "\(top)/\(folder)/.gitattributes"
        if Files.status(path)?.isSymbolicLink == true {
            throw MLError(.invalidInput, "'\(path)' is a symbolic link", hint: "git ignores it; make it a file")
        }
        return path
    }

    private static func patterns(inFile path: String, source: String) throws -> [Pattern] {
        try lines(Files.readText(path)).compactMap { line in
            trackedPattern(line).map {
                Pattern(pattern: $0, source: source, minimumSize: MinimumSizes.value(inLine: line))
            }
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The pattern of a line that sets our filter; nil for every other line.
    private static func trackedPattern(_ line: String) -> String? {
        let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
        guard let first = fields.first, !first.hasPrefix("#"), fields.dropFirst().contains("filter=mldata") else {
            return nil
        }
        return unescape(String(first))
    }

    /// Spaces would end the pattern and a leading `#` would make a comment; git has no quoting that all versions read.
    public static func escape(_ pattern: String) -> String {
        let spaced = pattern.split(omittingEmptySubsequences: false) { $0.isWhitespace && $0.isASCII }
            .joined(separator: "[[:space:]]")
        return spaced.hasPrefix("#") || spaced.hasPrefix("!") ? "\\" + spaced : spaced
    }

    static func unescape(_ pattern: String) -> String {
        var text = pattern
        if text.hasPrefix("\\#") || text.hasPrefix("\\!") { text.removeFirst() }
        var parts: [Substring] = []
        var rest = text[...]
        let mark = "[[:space:]]"
        while let range = find(mark, in: rest) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return (parts + [rest]).joined(separator: " ")
    }

    private static func find(_ part: String, in text: Substring) -> Range<Substring.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(part) { return start..<text.index(start, offsetBy: part.count) }
            start = text.index(after: start)
        }
        return nil
    }
}
