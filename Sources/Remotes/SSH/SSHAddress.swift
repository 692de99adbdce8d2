import Base

/// A folder on a machine that is reached through SSH.
public struct SSHAddress: Hashable, Sendable {
    /// `host` or `user@host`.
    public var destination: String
    public var port: String?
    /// Absolute, or relative to the home folder there; without a slash at the end.
    public var path: String

    /// Reads `ssh://[user@]host[:port]/path`, `sftp://…` and scp's `[user@]host:path`. Behind `/~/` comes a path relative to
    /// the home folder.
    ///
    /// - Returns: nil for what is none of these.
    /// - Throws: `MLError(.invalidInput)` for one with a password, without a path, or with a host that ssh would take for
    ///   an option.
    public init?(_ url: String) throws {
        if let scheme = ["ssh://", "sftp://"].first(where: url.hasPrefix) {
            let rest = url.dropFirst(scheme.count)
            let host = rest.prefix { $0 != "/" }
            path = String(rest.dropFirst(host.count))
            if path.hasPrefix("/~/") { path.removeFirst(3) }
            let end = host.lastIndex(of: "@").map { host[host.index(after: $0)...] } ?? host
            // An IPv6 address is written in brackets.
            let isBare = !end.hasPrefix("[") || !end.hasSuffix("]")
            if isBare, let colon = end.lastIndex(of: ":") {
                destination = String(host[..<colon])
                port = String(host[host.index(after: colon)...])
            } else {
                destination = String(host)
                port = nil
            }
            destination.removeAll { $0 == "[" || $0 == "]" }
            guard port?.allSatisfy(\.isNumber) ?? true, port != "" else {
                throw MLError(.invalidInput, "'\(URLText.withoutCredentials(url))' has no valid port")
            }
        } else {
            // As git: a colon before the first slash, and no scheme.
            guard let colon = url.firstIndex(of: ":"), url.firstRange(of: "://") == nil,
                url.firstRange(of: "::") == nil,
                !url[..<colon].contains("/"), !url[..<colon].isEmpty
            else { return nil }
            destination = String(url[..<colon])
            port = nil
            path = String(url[url.index(after: colon)...])
            if path.hasPrefix("~/") { path.removeFirst(2) }
        }
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        try check(url)
    }

    /// The address as a URL, for messages and as the name of what is kept about it.
    public var url: String {
        let host = destination.contains(":") ? bracketed : destination
        return "ssh://\(host)\(port.map { ":" + $0 } ?? "")\(path.hasPrefix("/") ? "" : "/~/")\(path)"
    }

    private var bracketed: String {
        guard let at = destination.lastIndex(of: "@") else { return "[\(destination)]" }
        return destination[...at] + "[\(destination[destination.index(after: at)...])]"
    }

    private func check(_ url: String) throws {
        let shown = URLText.withoutCredentials(url)
        let user = destination.lastIndex(of: "@").map { destination[..<$0] }
        if user?.contains(":") == true {
            throw MLError(
                .invalidInput, "a URL with a password would be stored in plain text",
                hint: "use a key: ssh-agent, or 'IdentityFile' in ~/.ssh/config")
        }
        let host = destination.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        guard !host.isEmpty, !destination.hasPrefix("-"), !host.hasPrefix("-"),
            destination.allSatisfy({ !$0.isWhitespace && $0.asciiValue != 0 })
        else { throw MLError(.invalidInput, "'\(shown)' names no host") }
        guard !path.isEmpty, path != "/" else {
            throw MLError(.invalidInput, "'\(shown)' names no folder", hint: "write ssh://host/path or host:path")
        }
        guard !path.split(separator: "/").contains("..") else {
            throw MLError(.invalidInput, "'\(shown)' has '..' in its path", hint: "name the folder itself")
        }
    }
}
