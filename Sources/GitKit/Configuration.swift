import Base

/// Git's configuration as git itself sees it: all files, includes, `-c` and the environment, last one wins.
public struct Configuration: Sendable {
    private var values: [String: [String]] = [:]

    public init(_ git: GitCommand) throws {
        try self.init(parsing: git.run(["config", "--null", "--list"]).output)
    }

    /// What one scope alone says (`local`, `global` or `system`); empty when it has no file yet.
    public init(_ git: GitCommand, scope: String) throws {
        try self.init(parsing: git.start(["config", "--\(scope)", "--null", "--list"]).output)
    }

    /// A file in git's syntax, without what it would include; empty when it does not exist.
    ///
    /// - Throws: `MLError(.invalidInput)` with the line that is no configuration.
    public init(file: String) throws {
        guard Files.exists(file) else { return }
        try ConfigurationFile(file).forEach { key, value in values[key, default: []].append(value ?? "true") }
    }

    /// Reads what `git config --null --list` prints.
    public init(parsing listing: [UInt8]) throws {
        for entry in listing.split(separator: 0) {
            let parts = entry.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(decoding: parts[0], as: UTF8.self)
            // A key alone ("[a] b") means true.
            values[key, default: []].append(parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "true")
        }
    }

    /// The last value of `section.key` or `section.sub.key`; section and key are matched without case.
    public subscript(key: String) -> String? { values[Configuration.normalise(key)]?.last }

    public func all(_ key: String) -> [String] { values[Configuration.normalise(key)] ?? [] }

    /// Keys that start with a prefix, sorted.
    public func keys(startingWith prefix: String) -> [String] {
        values.keys.filter { $0.hasPrefix(Configuration.normalise(prefix)) }.sorted()
    }

    /// The names of git's remotes, sorted.
    public var remotes: [String] {
        let names = keys(startingWith: "remote.").compactMap { key -> String? in
            guard let dot = key.lastIndex(of: "."), key.utf8.count > "remote.".utf8.count else { return nil }
            let start = key.index(key.startIndex, offsetBy: "remote.".count)
            return start < dot ? String(key[start..<dot]) : nil
        }
        return Set(names).sorted()
    }

    /// - Throws: `MLError(.invalidInput)` for what git would not take as a boolean.
    public func bool(_ key: String) throws -> Bool? {
        guard let text = self[key]?.lowercased() else { return nil }
        if ["true", "yes", "on", "1"].contains(text) { return true }
        if ["false", "no", "off", "0", ""].contains(text) { return false }
        throw MLError(.invalidInput, "configuration '\(key)' is '\(text)', not a boolean")
    }

    /// A whole number with git's suffixes k, m, g (powers of 1024).
    public func integer(_ key: String) throws -> Int64? {
        guard let text = self[key] else { return nil }
        guard let value = Configuration.parseInteger(text) else {
            throw MLError(.invalidInput, "configuration '\(key)' is '\(text)', not a number")
        }
        return value
    }

    public static func parseInteger(_ text: String) -> Int64? {
        let lower = text.lowercased()
        let scale: Int64
        switch lower.last {
        case "k": scale = 1 << 10
        case "m": scale = 1 << 20
        case "g": scale = 1 << 30
        default: scale = 1
        }
        guard let number = Int64(scale == 1 ? lower[...] : lower.dropLast()) else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : value
    }

    private static func normalise(_ key: String) -> String {
        let parts = key.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 2, let first = parts.first, let last = parts.last else { return key.lowercased() }
        return ([first.lowercased()] + parts[1..<parts.count - 1].map(String.init) + [last.lowercased()])
            .joined(separator: ".")
    }
}
