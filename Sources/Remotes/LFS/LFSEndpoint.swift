import Base

/// Where a Git LFS repository keeps its content.
public enum LFSEndpoint: Hashable, Sendable {
    /// A server: `http(s)://host/path` without a slash at the end and without credentials; the user the URL names.
    case http(url: String, user: String?)
    /// A server that is asked over SSH where it is (`git-lfs-authenticate`).
    case ssh(SSHAddress)
    /// A folder that holds `objects/aa/bb/OID`: `lfs` in a Git folder.
    case folder(String)

    /// How a program on another machine is reached.
    public struct SSHAddress: Hashable, Sendable {
        /// `host` or `user@host`.
        public var destination: String
        public var port: String?
        /// The repository on that machine.
        public var path: String
    }

    /// The prefix of a remote store's URL that means Git LFS.
    public static let prefix = "lfs::"

    /// Reads the address of an LFS server or folder; the prefix `lfs::` may stand before it.
    ///
    /// - Parameter base: what a relative path is relative to.
    /// - Throws: `MLError(.invalidInput)`.
    public init(_ text: String, relativeTo base: String) throws {
        let url = try LFSEndpoint.trimmed(text.hasPrefix(LFSEndpoint.prefix) ? String(text.dropFirst(5)) : text)
        if url.hasPrefix("http://") || url.hasPrefix("https://") {
            self = try LFSEndpoint.server(url)
        } else if let address = try SSHAddress(url) {
            self = .ssh(address)
        } else if url.hasPrefix("file://") {
            guard url.hasPrefix("file:///") else {
                throw MLError(.invalidInput, "'\(url)' is not absolute", hint: "write lfs::file:///path")
            }
            self = .folder(LFSEndpoint.objectsFolder(of: String(url.dropFirst("file://".count))))
        } else if url.firstRange(of: "://") != nil || url.isEmpty {
            throw MLError(
                .invalidInput, "'\(text)' is no address of a Git LFS server",
                hint: "use lfs::https://host/path, lfs::ssh://host/path, lfs::file:///folder or lfs::FOLDER")
        } else {
            self = .folder(LFSEndpoint.objectsFolder(of: Files.join(base, url)))
        }
    }

    /// The endpoint that goes with a Git remote's URL (git-lfs: docs/api/server-discovery.md): `.git` where it is missing
    /// and `/info/lfs`; a repository on this machine has its content in its own folder.
    public init(gitRemote url: String, relativeTo base: String) throws {
        let trimmed = try LFSEndpoint.trimmed(url)
        let guessed = trimmed.hasPrefix("git://") ? "https://" + trimmed.dropFirst("git://".count) : trimmed
        guard guessed.hasPrefix("http://") || guessed.hasPrefix("https://") else {
            self = try LFSEndpoint(trimmed, relativeTo: base)
            return
        }
        self = try LFSEndpoint.server((guessed.hasSuffix(".git") ? guessed : guessed + ".git") + "/info/lfs")
    }

    /// What to call it in messages.
    public var name: String {
        switch self {
        case .http(let url, _): url
        case .ssh(let address): "ssh://\(address.destination)\(address.port.map { ":" + $0 } ?? "")/\(address.path)"
        case .folder(let path): path
        }
    }

    /// Whether a clone may name it (`.lfsconfig`): a folder of this machine is none of its business.
    public var isRemote: Bool { if case .folder = self { false } else { true } }

    private static func server(_ url: String) throws -> LFSEndpoint {
        let plain = URLText.withoutCredentials(url)
        guard plain != url, let scheme = url.firstRange(of: "://") else { return .http(url: url, user: nil) }
        let rest = url[scheme.upperBound...]
        let user = rest.prefix { $0 != "/" }.split(separator: "@").dropLast().joined(separator: "@")
        guard !user.contains(":") else {
            throw MLError(
                .invalidInput, "a URL with a password would be stored in plain text",
                hint: "let git keep it: 'git credential approve', or put it into ~/.netrc")
        }
        return .http(url: plain, user: user)
    }

    /// `lfs` of a repository's folder; any other folder is taken as it is.
    private static func objectsFolder(of path: String) -> String {
        for git in [path, path + "/.git"]
        where Files.exists(git + "/HEAD") && Files.isDirectory(git + "/refs") && Files.isDirectory(git + "/objects") {
            return git + "/lfs"
        }
        return path
    }

    private static func trimmed(_ text: String) throws -> String {
        // A line feed would begin another line of what is said to 'git credential'.
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw MLError(.invalidInput, "an address must not hold control characters")
        }
        var text = text
        while text.count > 1 && text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

extension LFSEndpoint.SSHAddress {
    /// `ssh://[user@]host[:port]/path` or `[user@]host:path`; nil for what is neither.
    ///
    /// - Throws: `MLError(.invalidInput)` for a host that ssh would take as an option.
    init?(_ url: String) throws {
        for scheme in ["ssh://", "git+ssh://", "ssh+git://"] where url.hasPrefix(scheme) {
            let rest = url.dropFirst(scheme.count)
            let host = rest.prefix { $0 != "/" }
            // Behind the slash that ends the host; `//path` is an absolute one.
            path = String(rest.dropFirst(host.count + 1))
            if let colon = host.lastIndex(of: ":"), host[host.index(after: colon)...].allSatisfy(\.isNumber) {
                destination = String(host[..<colon])
                port = String(host[host.index(after: colon)...])
            } else {
                destination = String(host)
                port = nil
            }
            try check(url)
            return
        }
        // As git: a colon before the first slash, and no scheme.
        guard let colon = url.firstIndex(of: ":"), url.firstRange(of: "://") == nil,
            !url[..<colon].contains("/"), !url[..<colon].isEmpty
        else { return nil }
        destination = String(url[..<colon])
        port = nil
        path = String(url[url.index(after: colon)...])
        try check(url)
    }

    private func check(_ url: String) throws {
        let host = destination.split(separator: "@").last ?? ""
        guard !host.isEmpty, !host.hasPrefix("-"), !destination.hasPrefix("-"), !path.hasPrefix("-"), !path.isEmpty
        else { throw MLError(.invalidInput, "'\(url)' is no valid SSH address") }
    }
}
