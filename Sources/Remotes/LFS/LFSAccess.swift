import Base
import GitKit

/// Where the API of an endpoint is, and headers for it; asked over SSH where the endpoint says so.
final class LFSAccess: @unchecked Sendable {
    /// The API's address, without a slash at the end, and what each request carries.
    struct Address: Sendable {
        var url: String
        var headers: [String] = []
        var expires: Double?
    }

    private let endpoint: LFSEndpoint
    private let git: GitCommand
    private let mutex = Mutex()
    private var known: [LFSOperation: Address] = [:]

    init(_ endpoint: LFSEndpoint, git: GitCommand) {
        self.endpoint = endpoint
        self.git = git
    }

    func address(_ operation: LFSOperation) throws -> Address {
        switch endpoint {
        case .http(let url, _): return Address(url: url)
        case .folder(let path): throw MLError(.invalidInput, "'\(path)' is a folder, not a Git LFS server")
        case .ssh(let ssh):
            return try mutex.withLock {
                if let address = known[operation], address.expires.map({ $0 > monotonicSeconds() + 5 }) ?? true {
                    return address
                }
                let address = try LFSAccess.authenticate(ssh, operation, git)
                known[operation] = address
                return address
            }
        }
    }

    /// Runs `git-lfs-authenticate PATH OPERATION` there (git-lfs: docs/api/authentication.md, "SSH").
    ///
    /// A machine without that program is taken for one that serves the same path over https, as git-lfs does.
    private static func authenticate(
        _ ssh: LFSEndpoint.SSHAddress, _ operation: LFSOperation, _ git: GitCommand
    ) throws -> Address {
        let configured = try git.start(["config", "core.sshCommand"]).text.prefix { $0 != "\n" }
        // Quoted for the shell over there.
        let path = ssh.path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        let remote = "git-lfs-authenticate '\(path)' \(operation.rawValue)"
        let command = SSHCommand(configured: String(configured))
        let answer = try Subprocess(
            command.line(port: ssh.port, [ssh.destination, remote]), directory: git.directory, input: []
        ).run()
        if answer.status == 127 || answer.errorText.contains("not found") {
            let host = ssh.destination.split(separator: "@").last.map(String.init) ?? ssh.destination
            let path = ssh.path.drop { $0 == "/" }
            return Address(url: "https://\(host)/\(path)\(path.hasSuffix(".git") ? "" : ".git")/info/lfs")
        }
        guard answer.status == 0 else {
            let words = answer.errorText.split(separator: "\n").last.map { ": \($0)" } ?? ""
            throw MLError(
                .failed, "'git-lfs-authenticate' on '\(ssh.destination)' failed (exit \(answer.status))\(words)",
                hint: "does 'ssh \(ssh.destination)' work, and may you use '\(ssh.path)' there?")
        }
        guard let json = try? JSON(parsing: answer.output), let href = json["href"]?.stringValue,
            href.hasPrefix("https://") || href.hasPrefix("http://")
        else {
            throw MLError(.invalidInput, "'git-lfs-authenticate' on '\(ssh.destination)' gave no address")
        }
        return Address(
            url: href.hasSuffix("/") ? String(href.dropLast()) : href, headers: LFSAction.headers(json["header"]),
            expires: LFSAction.expiry(json))
    }
}
