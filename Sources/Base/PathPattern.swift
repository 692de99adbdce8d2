/// A pattern over paths of a repository, as in `.gitignore`: `*` and `?` stay inside one part of a path, `**` crosses
/// parts, `[a-z]` is a set. Without a slash a pattern meets any part; with one it starts at the top. What matches a
/// folder matches everything below it.
public struct PathPattern: Hashable, Sendable {
    private let parts: [[UInt8]]
    private let isAnchored: Bool

    public init(_ text: String) {
        var pattern = text[...]
        while pattern.hasSuffix("/") { pattern = pattern.dropLast() }
        isAnchored = pattern.contains("/")
        parts = pattern.split(separator: "/").map { Array($0.utf8) }
    }

    /// Whether the path, or a folder it lies in, matches.
    public func matches(_ path: String) -> Bool {
        let components = path.split(separator: "/").map { Array($0.utf8) }
        guard isAnchored else {
            guard let only = parts.first else { return false }
            return components.contains { PathPattern.part($0[...], only[...]) }
        }
        return PathPattern.path(components[...], parts[...])
    }

    /// Whether the path itself matches, as in `.gitattributes`: without a slash in the pattern its last part, otherwise all
    /// of it. A folder's match says nothing of what lies in it.
    public func matchesFile(_ path: String) -> Bool {
        let components = path.split(separator: "/").map { Array($0.utf8) }
        guard isAnchored else {
            guard let only = parts.first, let last = components.last else { return false }
            return PathPattern.part(last[...], only[...])
        }
        return PathPattern.path(components[...], parts[...], whole: true)
    }

    private static func path(
        _ components: ArraySlice<[UInt8]>, _ parts: ArraySlice<[UInt8]>, whole: Bool = false
    ) -> Bool {
        guard let part = parts.first else { return !whole || components.isEmpty }
        if part == Array("**".utf8) {
            // At the end it means what lies inside; in the middle any number of folders, none included.
            if parts.count == 1 { return !components.isEmpty }
            return (components.startIndex...components.endIndex).contains { path(components[$0...], parts.dropFirst(), whole: whole) }
        }
        guard let component = components.first, self.part(component[...], part[...]) else { return false }
        return path(components.dropFirst(), parts.dropFirst(), whole: whole)
    }

    /// One part of a path against one part of a pattern; stars are tried from short to long.
    private static func part(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var text = text
        var pattern = pattern
        var retry: (pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>)?
        while true {
            if pattern.first == star {
                pattern = pattern.drop { $0 == star }
                retry = (pattern, text)
            } else if let first = text.first, let rest = step(first, pattern) {
                text = text.dropFirst()
                pattern = rest
            } else if text.isEmpty && pattern.isEmpty {
                return true
            } else {
                guard let again = retry, !again.text.isEmpty else { return false }
                text = again.text.dropFirst()
                pattern = again.pattern
                retry = (pattern, text)
            }
        }
    }

    private static let star = UInt8(ascii: "*")
    private static let space = Array("[[:space:]]".utf8)

    /// The pattern behind its first element when that takes the byte.
    private static func step(_ byte: UInt8, _ pattern: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let first = pattern.first else { return nil }
        if first == UInt8(ascii: "?") { return pattern.dropFirst() }
        if first == UInt8(ascii: "\\"), pattern.count > 1 {
            return pattern[pattern.startIndex + 1] == byte ? pattern.dropFirst(2) : nil
        }
        // Git's way to write a blank, since blanks end a pattern.
        if pattern.starts(with: space) {
            return byte == 32 || (9...13).contains(byte) ? pattern.dropFirst(space.count) : nil
        }
        guard first == UInt8(ascii: "["), let end = pattern.dropFirst(2).firstIndex(of: UInt8(ascii: "]")) else {
            return first == byte ? pattern.dropFirst() : nil
        }
        var set = pattern[(pattern.startIndex + 1)..<end]
        let isNegated = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
        if isNegated { set = set.dropFirst() }
        var isIn = false
        while let low = set.first {
            if set.count >= 3, set[set.startIndex + 1] == UInt8(ascii: "-") {
                isIn = isIn || (low...max(low, set[set.startIndex + 2])).contains(byte)
                set = set.dropFirst(3)
            } else {
                isIn = isIn || low == byte
                set = set.dropFirst()
            }
        }
        return isIn != isNegated ? pattern[(end + 1)...] : nil
    }
}

/// Which paths a user wants at all: those that match an `include` pattern, or all when there is none, and no `exclude`
/// pattern.
public struct PathFilter: Hashable, Sendable {
    private let include: [PathPattern]
    private let exclude: [PathPattern]

    /// - Parameters:
    ///   - include: lists of patterns separated by commas.
    ///   - exclude: as `include`.
    public init(include: [String], exclude: [String]) {
        func patterns(_ lists: [String]) -> [PathPattern] {
            lists.flatMap { $0.split(separator: ",") }.map { text in
                let trimmed = text.drop { $0 == " " }
                return PathPattern(
                    String(trimmed.prefix(trimmed.count - trimmed.reversed().prefix { $0 == " " }.count)))
            }
        }
        self.include = patterns(include)
        self.exclude = patterns(exclude)
    }

    /// Whether every path passes.
    public var isOpen: Bool { include.isEmpty && exclude.isEmpty }

    public func contains(_ path: String) -> Bool {
        (include.isEmpty || include.contains { $0.matches(path) }) && !exclude.contains { $0.matches(path) }
    }
}
