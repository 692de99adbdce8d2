import Base
import CommandKit
import DataKit
import GitKit
import RunKit

/// What most commands begin with: the way to the user and the repository they stand in.
struct RunSession {
    let ui: UserInterface
    let runs: RunRepository
    var data: DataRepository { runs.data }
    var repository: Repository { runs.repository }

    init(_ options: CommonOptions) throws {
        ui = try UserInterface(options)
        let environmentFolder = environment("VIRTUAL_ENV")
        let isPlain = RunSession.placeVariables.allSatisfy { environment($0) == nil }
        runs = try RunRepository(DataRepository(isPlain: isPlain)) {
            environmentFolder.map { InstalledPackages.python(environment: $0).joined(separator: "\n") } ?? ""
        }
        repository.useIdentity(data.configuration) { environment($0) }
    }

    /// Variables that tell git where a repository is, or how to look for it.
    private static let placeVariables = [
        "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES", "GIT_OBJECT_DIRECTORY",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_IMPLICIT_WORK_TREE", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
        "GIT_NAMESPACE",
    ]

    /// The folder the user stands in, relative to the top; `.` at the top.
    var folder: String { repository.prefix.isEmpty ? "." : String(repository.prefix.dropLast()) }

    /// Whether the work tree has this path (from the top).
    func exists(_ path: String) -> Bool { repository.workTree.map { Files.exists($0 + "/" + path) } ?? false }

    /// Brings content that the store lacks.
    var fetch: ContentFetch {
        let data = data
        let progress = ui.progress
        return { try Downloader(data).require($0, progress: progress) }
    }
}
