import Base
import GitKit
import ObjectStore
import Remotes

extension DataRepository {
    /// Opens the store that goes with a Git remote.
    ///
    /// - Parameters:
    ///   - name: a configured store; nil takes the default one.
    ///   - gitRemote: the Git remote to use as storage when no store is configured; a name or a URL.
    public func openRemote(named name: String? = nil, gitRemote: String?) throws -> (any ContentRemote)? {
        if let setting = try name.map({ try remoteSetting(named: $0) }) ?? primaryRemote(gitRemote: gitRemote) {
            return try open(setting, gitRemote: gitRemote)
        }
        return try openGitRemote(gitRemote)
    }

    /// The Git remote itself as store; nil without one.
    func openGitRemote(_ gitRemote: String?) throws -> (any ContentRemote)? {
        guard let gitRemote = try gitRemote ?? defaultGitRemote() else { return nil }
        let limit = try configuration.integer("mldata.gitRemoteLimit") ?? 1 << 30
        return try packRemote(gitStorage(gitRemote), sizeLimit: limit)
    }

    /// Opens a configured store.
    public func open(_ setting: RemoteSetting, gitRemote: String?) throws -> any ContentRemote {
        if setting.url.hasPrefix(LFSEndpoint.prefix) { return try lfsRemote(lfsEndpoint(setting.url)) }
        let isGit = setting.url.hasPrefix("git::")
        let limit = isGit ? try configuration.integer("mldata.gitRemoteLimit") ?? 1 << 30 : nil
        return try packRemote(
            storage(setting.url, gitRemote: gitRemote, settingsOf: setting.name), sizeLimit: limit)
    }

    /// Packs on a storage, with this repository's settings for transfers (`mldata.transfers`, `mldata.bandwidth`).
    private func packRemote(_ storage: any Storage, sizeLimit: Int64?) throws -> PackRemote {
        try? Leftovers.sweep(storeDirectory + "/tmp")
        Line.limit(bytesPerSecond: try configuration.integer("mldata.bandwidth").flatMap { $0 > 0 ? $0 : nil })
        let transfers = try configuration.integer("mldata.transfers").map { Int(min(max($0, 1), 64)) }
        return PackRemote(
            storage, cache: storeDirectory + "/remotes", sizeLimit: sizeLimit,
            transfers: transfers ?? PackRemote.usualTransfers)
    }

    /// The stores that get copies of what is pushed to another one.
    ///
    /// - Parameter primary: that other one; nil for the Git remote itself.
    public func mirrors(of primary: RemoteSetting?) throws -> [RemoteSetting] {
        try remoteSettings().filter { $0.isMirror && $0.name != primary?.name }
    }

    /// The Git remote of the current branch, else `origin`, else the only one; nil without remotes.
    public func defaultGitRemote() throws -> String? {
        if let branch = repository.currentBranch(), let remote = configuration["branch.\(branch).remote"], remote != "."
        {
            return remote
        }
        let remotes = configuration.remotes
        return remotes.contains("origin") ? "origin" : (remotes.count == 1 ? remotes[0] : nil)
    }

    /// - Throws: `MLError(.notFound)` for a word that is neither the name of a Git remote nor a URL or a folder.
    public func requireGitRemote(_ word: String) throws {
        let remotes = configuration.remotes
        if remotes.contains(word) || word.contains(":") || word.contains("/") || Files.isDirectory(word) { return }
        throw MLError(
            .notFound, "there is no Git remote '\(word)'",
            hint: remotes.isEmpty
                ? "add one with 'git remote add \(word) URL'" : "there is \(remotes.joined(separator: ", "))")
    }

    /// What a Git remote on this machine has in its own local store, pushed or not; nil for other remotes.
    func neighbourStore(gitRemote: String?) throws -> ObjectStore? {
        guard let remote = try gitRemote ?? defaultGitRemote(), !remote.hasPrefix("-") else { return nil }
        let url = try repository.git.start(["ls-remote", "--get-url", remote]).text.prefix { $0 != "\n" }
        let path = Files.join(repository.workTree ?? repository.gitDirectory, String(url))
        guard let local = ForeignRepository.local(url.contains("://") ? String(url) : path) else { return nil }
        let store = Files.parent(of: local.objects) + "/mldata"
        return Files.isDirectory(store + "/packs") && store != storeDirectory ? try ObjectStore(root: store) : nil
    }

    /// The driver for a URL.
    ///
    /// - Parameter name: the store whose settings count; nil for none.
    public func storage(_ url: String, gitRemote: String?, settingsOf name: String? = nil) throws -> any Storage {
        if url == "git::" || url.hasPrefix("git::") {
            let named = url.dropFirst("git::".count)
            guard let remote = try named.isEmpty ? (gitRemote ?? defaultGitRemote()) : String(named) else {
                throw MLError(
                    .notFound, "there is no git remote to store data in", hint: "add one with 'git remote add'")
            }
            return try gitStorage(remote)
        }
        return try StorageURL.open(
            url, relativeTo: repository.workTree ?? repository.gitDirectory,
            settings: StorageSettings(
                git: repository.git, values: name.map { remoteValues($0) } ?? [:],
                shared: name.map { sharedKeys($0) } ?? []))
    }

    /// Whether there is a driver for a URL; nothing is contacted.
    public func check(_ url: String) throws {
        if url.hasPrefix(LFSEndpoint.prefix) {
            _ = try lfsEndpoint(url)
        } else if !url.hasPrefix("git::") || url.hasPrefix("git::-") {
            try storage(url, gitRemote: nil).close()
        }
    }

    /// A real round trip over a remote store; nil for the Git remote itself.
    public func probe(_ setting: RemoteSetting?) throws -> [RemoteProbe.Step] {
        let url = setting?.url ?? "git::"
        let temporary = storeDirectory + "/tmp"
        if url.hasPrefix(LFSEndpoint.prefix) {
            switch try lfsRemote(lfsEndpoint(url)) {
            case let remote as LFSRemote: return remote.probe()
            case let folder: return try RemoteProbe.run(FolderStorage(root: folder.name), temporary: temporary)
            }
        }
        let storage = try storage(url, gitRemote: setting?.gitRemotes.first, settingsOf: setting?.name)
        defer { storage.close() }
        return try RemoteProbe.run(storage, temporary: temporary)
    }

    private func gitStorage(_ remote: String) throws -> GitRemoteStorage {
        guard !remote.hasPrefix("-") else { throw MLError(.invalidInput, "'\(remote)' is no Git remote") }
        return GitRemoteStorage(
            remote: remote, repository: repository, temporary: Files.temporaryName(beside: storeDirectory + "/tmp/x"))
    }
}
