import Base
import GitKit
import ObjectStore
import Remotes

/// A remote store by name.
public struct RemoteSetting: Hashable, Sendable {
    public var name: String
    public var url: String
    /// Set in the committed `.mldata/config` and not by the user.
    public var isShared: Bool
}

extension DataRepository {
    /// All configured remote stores, the user's own settings before the shared ones.
    public func remoteSettings() -> [RemoteSetting] {
        let prefix = "mldata.remote."
        var found: [String: RemoteSetting] = [:]
        for (name, url) in shared.urls { found[name] = RemoteSetting(name: name, url: url, isShared: true) }
        for key in configuration.keys(startingWith: prefix) where key.hasSuffix(".url") {
            let name = String(key.dropFirst(prefix.count).dropLast(".url".count))
            found[name] = RemoteSetting(name: name, url: configuration[key] ?? "", isShared: false)
        }
        return found.values.sorted { $0.name < $1.name }
    }

    /// The remote store that is used when none is named: `mldata.defaultRemote`; nil means the Git remote itself.
    public var defaultRemote: String? { configuration["mldata.defaultRemote"] ?? shared.defaultRemote }

    /// Opens the store that goes with a Git remote.
    ///
    /// - Parameters:
    ///   - name: a configured store; nil takes the default one.
    ///   - gitRemote: the Git remote to use as storage when no store is configured; a name or a URL.
    public func openRemote(named name: String? = nil, gitRemote: String?) throws -> (any ContentRemote)? {
        let cache = storeDirectory + "/remotes"
        if let name = name ?? defaultRemote {
            guard let setting = remoteSettings().first(where: { $0.name == name }) else {
                throw MLError(
                    .notFound, "there is no remote store '\(name)'",
                    hint: "'git mldata remote list' shows those there are")
            }
            if setting.url.hasPrefix(LFSEndpoint.prefix) {
                return try lfsRemote(lfsEndpoint(setting.url))
            }
            return PackRemote(try storage(setting.url, gitRemote: gitRemote), cache: cache, sizeLimit: nil)
        }
        guard let gitRemote = try gitRemote ?? defaultGitRemote() else { return nil }
        let limit = try configuration.integer("mldata.gitRemoteLimit") ?? 1 << 30
        return PackRemote(gitStorage(gitRemote), cache: cache, sizeLimit: limit)
    }

    /// The Git remote of the current branch, else `origin`, else the only one; nil without remotes.
    public func defaultGitRemote() throws -> String? {
        if let branch = repository.currentBranch(), let remote = configuration["branch.\(branch).remote"], remote != "."
        {
            return remote
        }
        let remotes = try repository.git.run(["remote"]).text.split(separator: "\n").map(String.init)
        return remotes.contains("origin") ? "origin" : (remotes.count == 1 ? remotes[0] : nil)
    }

    /// The driver for a URL.
    public func storage(_ url: String, gitRemote: String?) throws -> any Storage {
        if url == "git::" || url.hasPrefix("git::") {
            let named = url.dropFirst("git::".count)
            guard let remote = try named.isEmpty ? (gitRemote ?? defaultGitRemote()) : String(named) else {
                throw MLError(
                    .notFound, "there is no git remote to store data in", hint: "add one with 'git remote add'")
            }
            return gitStorage(remote)
        }
        return try StorageURL.open(url, relativeTo: repository.workTree ?? repository.gitDirectory)
    }

    /// Whether there is a driver for a URL; nothing is contacted.
    public func check(_ url: String) throws {
        if url.hasPrefix(LFSEndpoint.prefix) {
            _ = try lfsEndpoint(url)
        } else {
            try storage(url, gitRemote: nil).close()
        }
    }

    /// A real round trip over the remote store behind a URL.
    public func probe(_ url: String) throws -> [RemoteProbe.Step] {
        let temporary = storeDirectory + "/tmp"
        if url.hasPrefix(LFSEndpoint.prefix) {
            switch try lfsRemote(lfsEndpoint(url)) {
            case let remote as LFSRemote: return remote.probe()
            case let folder: return try RemoteProbe.run(FolderStorage(root: folder.name), temporary: temporary)
            }
        }
        let storage = try storage(url, gitRemote: nil)
        defer { storage.close() }
        return try RemoteProbe.run(storage, temporary: temporary)
    }

    private func gitStorage(_ remote: String) -> GitRemoteStorage {
        GitRemoteStorage(
            remote: remote, repository: repository, temporary: Files.temporaryName(beside: storeDirectory + "/tmp/x"))
    }
}
