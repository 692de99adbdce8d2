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
        guard let workTree = repository.workTree else { return }
        let file = try Configuration(file: workTree + "/" + SharedConfiguration.path, git: repository.git)
        defaultRemote = file["mldata.defaultRemote"]
        for key in file.keys(startingWith: "mldata.remote.") where key.hasSuffix(".url") {
            urls[String(key.dropFirst("mldata.remote.".count).dropLast(".url".count))] = file[key]
        }
    }
}
