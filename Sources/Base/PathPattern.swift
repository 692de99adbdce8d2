/// A pattern over paths of a repository, as in `.gitignore`: without a slash it meets any part of a path, with one it
/// starts at the top; what matches a folder matches everything below it.
public struct PathPattern: Hashable, Sendable {
    /// Nil for what is no pattern and matches nothing: an empty text, or one that begins with `!`.
    private let pattern: AttributePattern?

    public init(_ text: String) {
        var trimmed = text[...]
        while trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        pattern = try? AttributePattern(String(trimmed))
    }

    /// Whether the path, or a folder it lies in, matches.
    public func matches(_ path: String) -> Bool {
        guard let pattern else { return false }
        let bytes = Array(path.utf8)
        if pattern.matches(bytes) { return true }
        return bytes.indices.contains { bytes[$0] == UInt8(ascii: "/") && pattern.matches(bytes[..<$0]) }
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
