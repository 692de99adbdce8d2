import Base
import GitKit
import Remotes

/// A remote store by name.
public struct RemoteSetting: Hashable, Sendable {
    public var name: String
    public var url: String
    /// Set in the committed `.mldata/config` and not by the user.
    public var isShared: Bool
    /// Git remotes whose pushes and fetches use it, whatever the default is.
    public var gitRemotes: [String]
    /// A copy: gets what is pushed to another store, and is asked when that one fails or lacks something.
    public var isMirror: Bool

    /// Splits `mldata.remote.NAME.KEY`; nil for any other key.
    static func split(_ key: String) -> (name: String, key: String)? {
        let prefix = "mldata.remote."
        guard key.hasPrefix(prefix), let dot = key.lastIndex(of: ".") else { return nil }
        let name = key[..<dot].dropFirst(prefix.count)
        return name.isEmpty ? nil : (String(name), String(key[key.index(after: dot)...]))
    }
}

extension DataRepository {
    /// All configured remote stores, the user's own settings before the shared ones.
    public func remoteSettings() throws -> [RemoteSetting] {
        let own = configuration.keys(startingWith: "mldata.remote.").compactMap { RemoteSetting.split($0) }
            .filter { $0.key == "url" }.map(\.name)
        return try Set(own + shared.names).sorted().map { name in
            RemoteSetting(
                name: name, url: remoteValue(name, "url") ?? "", isShared: !own.contains(name),
                gitRemotes: remoteValues(name, "gitRemote"),
                isMirror: try remoteValue(name, "mirror").map { try DataRepository.bool($0, name, "mirror") } ?? false)
        }
    }

    /// The value of `mldata.remote.NAME.KEY`, the user's own before the shared one.
    public func remoteValue(_ name: String, _ key: String) -> String? { remoteValues(name, key).last }

    /// All settings of a store by their keys.
    func remoteValues(_ name: String) -> [String: String] {
        Dictionary(RemoteKey.all.compactMap { key in remoteValue(name, key.name).map { (key.name, $0) } }) { $1 }
    }

    /// Settings of a store that the clone brought and the user did not set.
    func sharedKeys(_ name: String) -> Set<String> {
        Set(
            RemoteKey.all.map(\.name).filter { key in
                let full = "mldata.remote.\(name).\(key)"
                return configuration.all(full).isEmpty && !shared.all(full).isEmpty
            })
    }

    private func remoteValues(_ name: String, _ key: String) -> [String] {
        let full = "mldata.remote.\(name).\(key)"
        let own = configuration.all(full)
        return own.isEmpty ? shared.all(full) : own
    }

    /// The store of a name.
    ///
    /// - Throws: `MLError(.notFound)` with the nearest name there is.
    public func remoteSetting(named name: String) throws -> RemoteSetting {
        let settings = try remoteSettings()
        if let found = settings.first(where: { $0.name == name }) { return found }
        throw MLError(
            .notFound, "there is no remote store '\(name)'",
            hints: NearestName.hints(name, in: settings.map(\.name))
                + ["'git mldata remote list' shows those there are"])
    }

    /// The remote store that is used when none is named: `mldata.defaultRemote`; nil means the Git remote itself.
    public var defaultRemote: String? { configuration["mldata.defaultRemote"] ?? shared.defaultRemote }

    /// The store that goes with a Git remote: the one bound to it, or else the default one.
    ///
    /// - Returns: nil when that is the Git remote itself.
    public func primaryRemote(gitRemote: String?) throws -> RemoteSetting? {
        let settings = try remoteSettings()
        let remote = try gitRemote ?? (settings.contains { !$0.gitRemotes.isEmpty } ? defaultGitRemote() : nil)
        if let remote, let bound = settings.first(where: { $0.gitRemotes.contains(remote) && !$0.isMirror }) {
            return bound
        }
        return try defaultRemote.map { try remoteSetting(named: $0) }
    }

    private static func bool(_ text: String, _ name: String, _ key: String) throws -> Bool {
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0", "": return false
        default:
            throw MLError(.invalidInput, "configuration 'mldata.remote.\(name).\(key)' is '\(text)', not a boolean")
        }
    }
}
