import Base

/// Which driver a URL means.
public enum StorageURL {
    /// Opens the storage behind a URL or path.
    ///
    /// - Parameter base: what a relative path is relative to: the top of the work tree.
    /// - Throws: `MLError(.invalidInput)` for a scheme without a driver.
    public static func open(_ url: String, relativeTo base: String) throws -> any Storage {
        if url.hasPrefix("file://") {
            let path = url.dropFirst("file://".count)
            guard path.hasPrefix("/") else {
                throw MLError(.invalidInput, "'\(url)' is not absolute", hint: "write file:///path, or a plain path")
            }
            return FolderStorage(root: trimmed(String(path)))
        }
        if url.hasPrefix("http://") || url.hasPrefix("https://") { return try HTTPStorage(url: trimmed(url)) }
        if let scheme = url.firstRange(of: "://") {
            throw MLError(
                .invalidInput, "no driver for '\(url[..<scheme.lowerBound])://' remotes",
                hint: "use a path, file://, http(s):// (WebDAV) or git::")
        }
        if url.isEmpty { throw MLError(.invalidInput, "an empty string is no remote") }
        return FolderStorage(root: trimmed(Files.join(base, url)))
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.count > 1 && text.hasSuffix("/") { text.removeLast() }
        return text
    }
}
