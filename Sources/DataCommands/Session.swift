import Base
import CommandKit
import DataKit

/// What most commands begin with: the way to the user and the repository they stand in.
struct Session {
    let ui: UserInterface
    let data: DataRepository

    init(_ options: CommonOptions) throws { try self.init(UserInterface(options)) }

    /// - Parameter directory: a folder of the repository; nil for the current one.
    init(_ ui: UserInterface, directory: String? = nil) throws {
        self.ui = ui
        data = try DataRepository(discoveringFrom: directory)
    }

    /// Paths as typed, relative to the top of the work tree.
    func paths(_ typed: [String]) throws -> [String] { try typed.map { try data.repository.repositoryPath($0) } }

    /// Installs filters and hooks in this repository if something is missing, and says so.
    func ensureInstalled() throws {
        let installation = Installation(scope: .local, repository: data.repository)
        if try installation.isComplete(data.configuration) { return }
        try installation.install()
        ui.status("Set up git-ml in this repository (filters, hooks, notes).")
    }
}
