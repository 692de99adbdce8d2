import Base
import GitKit
import ObjectStore
import Remotes

/// Git LFS as neighbour: its folder in this repository, the server that goes with a Git remote.
extension DataRepository {
    /// Opens an LFS server or folder.
    ///
    /// - Parameter isGuess: nobody named this server, so the user is not asked for a password and nothing is waited for.
    public func lfsRemote(_ endpoint: LFSEndpoint, isGuess: Bool = false) throws -> any ContentRemote {
        if case .folder(let root) = endpoint { return LFSFolder(root: root) }
        let transfers = try configuration.integer("mldata.transfers").map { Int(min(max($0, 1), 64)) }
        return LFSRemote(
            endpoint, git: repository.git, folder: storeDirectory, asks: !isGuess,
            transfers: transfers ?? LFSRemote.transfers, patience: isGuess ? LFSPatience(tries: 2) : LFSPatience())
    }

    /// What `git-lfs` itself has brought into this repository (`lfs.storage`, default `.git/lfs`).
    public var lfsFolder: LFSFolder {
        LFSFolder(root: Files.join(repository.commonDirectory, configuration["lfs.storage"] ?? "lfs"))
    }

    /// An LFS endpoint and where its address comes from.
    public struct LFSPlace: Sendable {
        public var endpoint: LFSEndpoint
        /// False when it is only what the Git remote's address suggests.
        public var isConfigured: Bool
    }

    /// The LFS endpoint that goes with a Git remote, in git-lfs's order: `lfs.url`, `remote.NAME.lfsurl`, `lfs.url` of the
    /// committed `.lfsconfig`, the remote's own address.
    ///
    /// From `.lfsconfig` nothing but `lfs.url` is taken, and only a server: a clone is not trusted with more.
    ///
    /// - Returns: nil without a Git remote.
    public func lfsPlace(gitRemote: String?) throws -> LFSPlace? {
        let remote = try gitRemote ?? defaultGitRemote()
        if let url = configuration["lfs.url"] ?? remote.flatMap({ configuration["remote.\($0).lfsurl"] }) {
            return LFSPlace(endpoint: try lfsEndpoint(url), isConfigured: true)
        }
        if let url = try committedLFSURL() {
            let endpoint = try lfsEndpoint(url)
            if endpoint.isRemote { return LFSPlace(endpoint: endpoint, isConfigured: true) }
        }
        guard let remote else { return nil }
        let url = try repository.git.start(["ls-remote", "--get-url", remote]).text.prefix { $0 != "\n" }
        let base = repository.workTree ?? repository.gitDirectory
        return LFSPlace(endpoint: try LFSEndpoint(gitRemote: String(url), relativeTo: base), isConfigured: false)
    }

    /// `lfs.url` of `.lfsconfig`: of the work tree, or of HEAD while the file is not checked out.
    private func committedLFSURL() throws -> String? {
        if let top = repository.workTree, Files.exists(top + "/.lfsconfig") {
            return try Configuration(file: top + "/.lfsconfig")["lfs.url"]
        }
        let answer = try repository.git.start(["config", "--blob", "HEAD:.lfsconfig", "lfs.url"])
        return answer.status == 0 ? String(answer.text.prefix { $0 != "\n" }) : nil
    }

    /// The server that keeps locks: the named or default remote store when that is an LFS server, otherwise the one that
    /// goes with the Git remote.
    ///
    /// - Throws: `MLError(.failed)` where there can be no locks.
    public func locks(gitRemote: String? = nil) throws -> LFSLocks {
        var endpoint = try lfsStore()
        if endpoint == nil { endpoint = try lfsPlace(gitRemote: gitRemote)?.endpoint }
        guard let endpoint, endpoint.isRemote else {
            throw MLError(
                .failed, endpoint.map { "'\($0.name)' is a folder, which keeps no locks" } ?? "there is no remote",
                hint: "locks need a Git LFS server with the lock API; name it with 'git config lfs.url URL'")
        }
        return LFSLocks(endpoint, git: repository.git, ref: repository.currentBranch().map { "refs/heads/\($0)" })
    }

    /// The endpoint of the default remote store when it is one of Git LFS (`lfs::`).
    public func lfsStore() throws -> LFSEndpoint? {
        guard let setting = try primaryRemote(gitRemote: nil), setting.url.hasPrefix(LFSEndpoint.prefix)
        else { return nil }
        return try lfsEndpoint(setting.url)
    }

    func lfsEndpoint(_ url: String) throws -> LFSEndpoint {
        try LFSEndpoint(url, relativeTo: repository.workTree ?? repository.gitDirectory)
    }
}
