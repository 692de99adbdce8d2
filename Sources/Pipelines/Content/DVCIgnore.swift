import Base

/// What `.dvcignore` files leave out of folders: patterns as in `.gitignore`, each file for the folder it is in and below.
public final class DVCIgnore: @unchecked Sendable {
    private struct Rule {
        var pattern: AttributePattern
        var isNegated: Bool
        var wantsFolder: Bool
    }

    public static let name = ".dvcignore"

    private let read: @Sendable (String) throws -> [UInt8]?
    private let mutex = Mutex()
    private var rules: [String: [Rule]] = [:]

    /// - Parameter read: the content of a file, its path from the top; nil when it is not there.
    public init(_ read: @escaping @Sendable (String) throws -> [UInt8]?) { self.read = read }

    /// Those of a work tree.
    public convenience init(root: String) {
        self.init { path in
            let full = Files.join(root, path)
            return Files.exists(full) ? try Files.read(full) : nil
        }
    }

    /// Whether a path below `folder`, or a folder on the way to it, is left out.
    ///
    /// - Parameters:
    ///   - path: from the top.
    ///   - folder: where looking begins: what is named itself counts whatever the patterns say.
    public func ignores(_ path: String, isFolder: Bool, below folder: String) -> Bool {
        let known = folder == "." ? 0 : folder.split(separator: "/").count
        let parts = path.split(separator: "/")
        guard parts.count > known else { return false }
        return (known + 1...parts.count).contains { count in
            isNamed(parts[..<count].map(String.init), isFolder: count < parts.count || isFolder)
        }
    }

    /// The last rule that matches decides; files nearer to the path come later.
    private func isNamed(_ parts: [String], isFolder: Bool) -> Bool {
        var result = false
        for depth in 0..<parts.count {
            let rest = parts[depth...].joined(separator: "/").utf8
            for rule in found(parts[..<depth].joined(separator: "/"))
            where (isFolder || !rule.wantsFolder) && rule.pattern.matches(rest) {
                result = !rule.isNegated
            }
        }
        return result
    }

    private func found(_ folder: String) -> [Rule] {
        mutex.withLock {
            if let known = rules[folder] { return known }
            let bytes = (try? read(folder.isEmpty ? DVCIgnore.name : folder + "/" + DVCIgnore.name)) ?? nil
            let result = (bytes ?? []).split(separator: 10).compactMap {
                DVCIgnore.rule(String(decoding: $0, as: UTF8.self))
            }
            rules[folder] = result
            return result
        }
    }

    private static func rule(_ line: String) -> Rule? {
        var text = Substring(line)
        if text.hasPrefix("#") { return nil }
        if text.last == "\r" { text.removeLast() }
        while text.last == " ", !text.hasSuffix("\\ ") { text.removeLast() }
        let isNegated = text.hasPrefix("!")
        if isNegated { text.removeFirst() }
        let wantsFolder = text.hasSuffix("/")
        if wantsFolder { text.removeLast() }
        guard let pattern = try? AttributePattern(String(text)) else { return nil }
        return Rule(pattern: pattern, isNegated: isNegated, wantsFolder: wantsFolder)
    }
}
