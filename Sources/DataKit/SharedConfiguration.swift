import Base
import GitKit

/// The committed `.mldata/config` (git's syntax): what a team shares through the repository.
///
/// A clone is not trusted, so only addresses and options are taken from it: `mldata.defaultRemote` and those settings of
/// remote stores that `RemoteKey` calls shareable. Commands, credentials and everything else are ignored and named.
public struct SharedConfiguration: Sendable {
    public static let path = ".mldata/config"
    public private(set) var defaultRemote: String?
    /// Settings by `mldata.remote.NAME.KEY`, as git normalises it; reduced to what is safe.
    private var file: Configuration
    private var safe: Set<String> = []
    /// Keys of the file that are not taken, and why.
    public private(set) var refused: [(key: String, reason: String)] = []

    public init(_ repository: Repository) throws {
        file = try Configuration(parsing: [])
        if let workTree = repository.workTree, Files.exists(workTree + "/" + SharedConfiguration.path) {
            file = try Configuration(file: workTree + "/" + SharedConfiguration.path)
        } else if let head = try? repository.head(),
            try repository.entry(inTree: head.tree, at: SharedConfiguration.path) != nil
        {
            // A bare repository, a sparse work tree and a clone in the making have it in their newest commit.
            file = try Configuration(
                parsing: repository.git.run([
                    "config", "--blob", "HEAD:" + SharedConfiguration.path, "--null", "--list",
                ])
                .output)
        } else {
            return
        }
        defaultRemote = file["mldata.defaultRemote"]
        for key in file.keys(startingWith: "") where key != "mldata.defaultremote" {
            if let reason = SharedConfiguration.refusal(key, file[key] ?? "") {
                refused.append((key, reason))
            } else {
                safe.insert(key)
            }
        }
    }

    /// Names of the stores it gives an address to.
    public var names: [String] {
        safe.compactMap { RemoteSetting.split($0) }.filter { $0.key == "url" }.map(\.name)
    }

    /// The values of `mldata.remote.NAME.KEY`, in order.
    public func all(_ key: String) -> [String] {
        // Names of stores have their own capitals, keys have none.
        let parts = key.split(separator: ".")
        guard let last = parts.last else { return [] }
        let normal = (parts.dropLast().map(String.init) + [last.lowercased()]).joined(separator: ".")
        return safe.contains(normal) ? file.all(key) : []
    }

    /// Why a key is not taken from a clone; nil for one that is.
    private static func refusal(_ key: String, _ value: String) -> String? {
        guard let (_, last) = RemoteSetting.split(key) else { return "only settings of remote stores are" }
        guard let known = try? RemoteKey.named(last) else { return "it is no address or option of a store" }
        guard known.isShareable else { return "it decides which credentials are used" }
        if URLText.hasPassword(value) { return "it has a password in it" }
        if known.name == "url", value.hasPrefix("rclone:") {
            // rclone takes whole configurations in a remote's name, commands among them.
            let remote = value.dropFirst("rclone:".count).prefix { $0 != ":" }
            if remote.isEmpty || remote.contains(",") { return "it brings settings for rclone" }
        }
        if known.name == "url" || known.name == "gitRemote", value.hasPrefix("-") || value.hasPrefix("git::-") {
            return "it would be taken for an option"
        }
        return nil
    }

    /// Writes settings to the file and stages it.
    public static func set(_ settings: [(String, String)], _ repository: Repository) throws {
        let file = try repository.requireWorkTree() + "/" + path
        try Files.makeDirectories(Files.parent(of: file))
        for (key, value) in settings { try repository.git.run(["config", "--file", file, key, value]) }
        try repository.git.run(["add", "--force", "--", path])
    }
}
