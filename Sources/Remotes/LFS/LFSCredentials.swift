import Base
import GitKit

/// Credentials for HTTP hosts, asked of `git credential` and remembered for as long as this value lives.
///
/// Order: what the server's own action carries; `http.extraHeader` of Git's configuration; `~/.netrc` (libcurl's); at a
/// 401 `git credential fill`, whose answer is approved or rejected as the server decides.
final class LFSCredentials: @unchecked Sendable {
    private struct Entry {
        var login: HTTPLogin
        /// What `git credential` said, for `approve` and `reject`; nil for a configured header.
        var fields: [UInt8]?
        var isApproved = false
    }

    private let git: GitCommand
    private let asks: Bool
    private let mutex = Mutex()
    private var entries: [String: Entry] = [:]
    private var looked: Set<String> = []

    /// - Parameter asks: whether the user may be asked; helpers are always.
    init(git: GitCommand, asks: Bool) {
        self.git = git
        self.asks = asks
    }

    /// What goes with a URL, if it is known.
    func login(for url: String) -> HTTPLogin? {
        let origin = LFSCredentials.origin(url)
        return mutex.withLock {
            if looked.insert(origin).inserted, let header = configured(url) {
                entries[origin] = Entry(login: .header(header), fields: nil, isApproved: true)
            }
            return entries[origin]?.login
        }
    }

    /// After a 401: forgets what was refused and asks for something else.
    ///
    /// - Parameters:
    ///   - refused: what was sent; another thread may have a better one by now.
    ///   - challenge: `LFS-Authenticate` or `WWW-Authenticate`.
    /// - Throws: `MLError(.failed)` when there is nothing (else) to try.
    func renew(for url: String, user: String?, refused: HTTPLogin?, challenge: String?) throws {
        let origin = LFSCredentials.origin(url)
        try mutex.withLock {
            if let entry = entries[origin], entry.login != refused { return }
            if let entry = entries.removeValue(forKey: origin) {
                // A configured header that is refused will be refused again.
                guard let fields = entry.fields else {
                    throw LFSFailure.error(401, "", subject: "this access", server: origin)
                }
                _ = try git.start(["credential", "reject"], input: fields)
            }
            // Before anybody is asked for a password in vain.
            guard HTTPLogin(user: "", password: "", challenge: challenge, url: url) != nil else {
                throw LFSCredentials.unusable(origin, challenge)
            }
            let entry = try fill(url, user: user, challenge: challenge)
            // A helper that knows no other answer.
            guard entry.login != refused else {
                if let fields = entry.fields { _ = try git.start(["credential", "reject"], input: fields) }
                throw LFSFailure.error(401, "", subject: "this access", server: origin)
            }
            entries[origin] = entry
        }
    }

    /// The server took them: helpers may keep them.
    func approve(_ url: String, _ login: HTTPLogin?) {
        let origin = LFSCredentials.origin(url)
        let fields: [UInt8]? = mutex.withLock {
            guard let entry = entries[origin], entry.login == login, !entry.isApproved else { return nil }
            entries[origin]?.isApproved = true
            return entry.fields
        }
        if let fields { _ = try? git.start(["credential", "approve"], input: fields) }
    }

    private func fill(_ url: String, user: String?, challenge: String?) throws -> Entry {
        let scheme = url.firstRange(of: "://").map { String(url[..<$0.lowerBound]) } ?? "https"
        let rest = url.dropFirst(scheme.count + 3)
        let host = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(host.count + 1).prefix { $0 != "?" }
        var text = "protocol=\(scheme)\nhost=\(host)\npath=\(path)\n"
        if let user { text += "username=\(user)\n" }
        if let challenge { text += "wwwauth[]=\(challenge)\n" }
        var environment: [String: String?] = [:]
        if !asks { environment["GIT_TERMINAL_PROMPT"] = "0" }
        let answer = try git.start(["credential", "fill"], input: Array((text + "\n").utf8), environment: environment)
        var fields: [Substring: Substring] = [:]
        for line in answer.text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard answer.status == 0, let password = fields["password"] else {
            throw MLError(
                .failed, "\(scheme)://\(host) wants a user name and a password or token",
                hint: "set up a credential helper ('git config credential.helper store'), or put them into ~/.netrc")
        }
        let name = String(fields["username"] ?? "")
        guard let login = HTTPLogin(user: name, password: String(password), challenge: challenge, url: url) else {
            throw LFSCredentials.unusable("\(scheme)://\(host)", challenge)
        }
        return Entry(login: login, fields: answer.output + [10])
    }

    private static func unusable(_ origin: String, _ challenge: String?) -> MLError {
        MLError(
            .failed, "\(origin) wants credentials of the kind '\((challenge ?? "").prefix { $0 != " " })'",
            hint: "give it a header: git config http.\(origin).extraHeader 'Authorization: …'")
    }

    /// An `Authorization` that Git's configuration sends to this URL, as CI services set it.
    private func configured(_ url: String) -> String? {
        guard let answer = try? git.start(["config", "--get-urlmatch", "http.extraheader", url]), answer.status == 0
        else { return nil }
        let header = answer.text.prefix { !$0.isNewline }
        return header.lowercased().hasPrefix("authorization:") ? String(header) : nil
    }

    /// `scheme://host:port`: what credentials belong to.
    static func origin(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        return String(url[..<scheme.upperBound] + url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" })
    }
}
