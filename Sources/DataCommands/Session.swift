import Base
import CommandKit
import DataKit

/// What most commands begin with: the way to the user and the repository they stand in.
struct Session {
    let ui: UserInterface
    let data: DataRepository

    init(_ options: CommonOptions) throws {
        ui = try UserInterface(options)
        data = try DataRepository()
    }

    /// Paths as typed, relative to the top of the work tree.
    func paths(_ typed: [String]) throws -> [String] { try typed.map { try data.repository.repositoryPath($0) } }

    /// Installs filters and hooks in this repository if something is missing, and says so.
    func ensureInstalled() throws {
        let installation = Installation(scope: .local, repository: data.repository)
        if try installation.isComplete() { return }
        try installation.install()
        try FilterSettings.write(data)
        ui.status("Set up git-ml in this repository (filters, hooks, notes).")
    }
}
