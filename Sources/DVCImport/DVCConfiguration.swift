import Base

/// What `.dvc/config` and `.dvc/config.local` say about where content is.
public struct DVCConfiguration: Sendable {
    /// Folders to look for content in, the cache first, absolute.
    public var folders: [String] = []
    /// Remotes that are no folders, by name: only DVC itself can read them.
    public var foreign: [(name: String, url: String)] = []

    /// - Parameter directory: the absolute path of a `.dvc` folder; paths in its files are relative to it.
    /// - Throws: `MLError(.invalidInput)`.
    public init(directory: String) throws {
        var values: [(section: String, key: String, value: String)] = []
        for name in ["config", "config.local"] where Files.exists(directory + "/" + name) {
            values += DVCConfiguration.parse(try Files.readText(directory + "/" + name))
        }
        let cache = values.last { $0.section == "cache" && $0.key == "dir" }?.value ?? "cache"
        folders = [Files.join(directory, cache)]
        var remotes: [(name: String, url: String)] = []
        for entry in values where entry.key == "url" {
            guard let name = DVCConfiguration.remote(entry.section) else { continue }
            remotes.removeAll { $0.name == name }
            remotes.append((name, entry.value))
        }
        for remote in remotes {
            if remote.url.hasPrefix("file://") {
                folders.append(String(remote.url.dropFirst("file://".count)))
            } else if remote.url.contains("://") {
                foreign.append(remote)
            } else {
                folders.append(Files.join(directory, remote.url))
            }
        }
    }

    /// The name in a section title such as `'remote "store"'`.
    private static func remote(_ section: String) -> String? {
        let bare = section.filter { $0 != "'" }
        guard bare.hasPrefix("remote \""), bare.hasSuffix("\"") else { return nil }
        return String(bare.dropFirst("remote \"".count).dropLast())
    }

    /// Sections, keys and values (the syntax of Python's ConfigObj, without its nested sections, which DVC does not use).
    static func parse(_ text: String) -> [(section: String, key: String, value: String)] {
        var section = ""
        var found: [(section: String, key: String, value: String)] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let bare = trim(line)
            if bare.isEmpty || bare.hasPrefix("#") { continue }
            if bare.hasPrefix("["), bare.hasSuffix("]") {
                section = String(trim(bare.dropFirst().dropLast()))
            } else if let equals = bare.firstIndex(of: "=") {
                var value = trim(bare[bare.index(after: equals)...])
                for quote in ["\"", "'"] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
                    value = value.dropFirst().dropLast()
                }
                found.append((section, String(trim(bare[..<equals])).lowercased(), String(value)))
            }
        }
        return found
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return text
    }
}
