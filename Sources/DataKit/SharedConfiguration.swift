import Base
import GitKit

/// The committed `.mldata/config` (git's syntax): what a team shares through the repository.
///
/// A clone is not trusted, so only addresses and names are taken from it: `mldata.defaultRemote` and
/// `mldata.remote.NAME.url`. Commands, credentials and everything else are ignored.
public struct SharedConfiguration: Sendable {
    public static let path = ".mldata/config"
    public private(set) var defaultRemote: String?
    public private(set) var urls: [String: String] = [:]

    public init(_ repository: Repository) throws {
        let file: Configuration
        if let workTree = repository.workTree, Files.exists(workTree + "/" + SharedConfiguration.path) {
            file = try Configuration(file: workTree + "/" + SharedConfiguration.path, git: repository.git)
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
        for key in file.keys(startingWith: "mldata.remote.") where key.hasSuffix(".url") {
            urls[String(key.dropFirst("mldata.remote.".count).dropLast(".url".count))] = file[key]
        }
    }

    /// Writes settings to the file and stages it.
    public static func set(_ settings: [(String, String)], _ repository: Repository) throws {
        let file = try repository.requireWorkTree() + "/" + path
        try Files.makeDirectories(Files.parent(of: file))
        for (key, value) in settings { try repository.git.run(["config", "--file", file, key, value]) }
        try repository.git.run(["add", "--force", "--", path])
    }
}
