import Base
import GitKit
import ObjectStore
import Remotes

/// A repository with the data side of it: its configuration, its store, its pointers.
public struct DataRepository: Sendable {
    public let repository: Repository
    public let configuration: Configuration
    /// What the committed `.mldata/config` says, reduced to keys that are safe to take from a clone.
    public let shared: SharedConfiguration
    /// The folder of the store: `mldata.store`, or `mldata` in the common Git folder.
    public let storeDirectory: String

    /// - Parameter isPlain: as in `Repository`.
    public init(discoveringFrom directory: String? = nil, isPlain: Bool = false) throws {
        try self.init(Repository(discoveringFrom: directory, isPlain: isPlain))
    }

    public init(_ repository: Repository) throws {
        self.repository = repository
        HTTPSettings.use(repository.git)
        configuration = try Configuration(repository.git)
        SharedPermissions.apply(configuration["core.sharedRepository"])
        let version = configuration["mldata.repositoryFormatVersion"] ?? "0"
        guard version == "0" else {
            throw MLError(
                .invalidInput, "unknown mldata.repositoryFormatVersion '\(version)'",
                hint: "this repository was set up by a newer git-ml; upgrade")
        }
        shared = try SharedConfiguration(repository)
        if configuration["mldata.store"] == nil {
            storeDirectory = repository.dataDirectory
        } else {
            // Git expands `~` and rejects what is no path.
            let path = try repository.git.run(["config", "--type=path", "mldata.store"]).text.dropLast()
            storeDirectory = Files.join(repository.workTree ?? repository.commonDirectory, String(path))
        }
    }

    /// Opens the store, creating it when this is its first use.
    public func openStore() throws -> ObjectStore {
        if isStoreShared { try? StoreUsers(self).register() }
        return try ObjectStore(
            root: storeDirectory, alternates: ObjectStore.alternates(ofRepository: repository.commonDirectory))
    }

    /// Whether the store lies outside this repository, where other clones may use it too.
    public var isStoreShared: Bool { storeDirectory != repository.dataDirectory }

    /// Where this work tree's files in the making are; what killed processes leave there is swept up later.
    public var scratchDirectory: String { repository.scratchDirectory }

    /// Whether checkouts leave pointers on purpose (`install --skip-smudge`).
    public var skipsSmudge: Bool { configuration["filter.mldata.process"]?.hasSuffix(" --skip") == true }

    /// The largest file that a smudge answers itself, in bytes (`mldata.inlineLimit`, default 1 MiB).
    public func inlineLimit() throws -> Int64 { try configuration.integer("mldata.inlineLimit") ?? 1 << 20 }

    /// The files to fill in when none are named (`mldata.include`, `mldata.exclude`).
    public var wanted: PathFilter {
        PathFilter(include: configuration.all("mldata.include"), exclude: configuration.all("mldata.exclude"))
    }
}

extension Repository {
    var scratchDirectory: String { gitDirectory + "/mldata-sync" }

    /// Replaces a file of the work tree in one step, such as `.gitattributes`; made where git does not look.
    public func writeWorkTreeFile(_ bytes: [UInt8], to path: String) throws {
        try ScratchFolder(scratchDirectory).write(bytes, to: path)
    }
}
