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
        runs = try RunRepository(DataRepository()) {
            environmentFolder.map { InstalledPackages.python(environment: $0).joined(separator: "\n") } ?? ""
        }
    }

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
