import Base

/// Where git's folders are, found without libgit2: a filter must start in milliseconds.
public struct GitEnvironment: Sendable {
    /// The repository of this work tree: `.git`, or its own folder under `worktrees`.
    public var gitDirectory: String
    /// What all work trees share; the store lies here.
    public var commonDirectory: String
    /// Where git started this process: the top of the work tree.
    public var directory: String
    /// The environment variables, as the program got them.
    public var variables: [String: String]
    /// This program's own file, to find its siblings.
    public var executable: String?

    /// Looks for the repository as git does: `GIT_DIR`, then `.git` here and in the folders above, then a bare
    /// repository.
    ///
    /// - Throws: `MLError(.notARepository)`.
    public init(variables: [String: String], directory: String, executable: String? = nil) throws {
        self.variables = variables
        self.directory = directory
        self.executable = executable
        gitDirectory = try GitEnvironment.find(variables, directory)
        if let common = variables["GIT_COMMON_DIR"], !common.isEmpty {
            commonDirectory = Files.join(directory, common)
        } else if let common = GitEnvironment.line(of: gitDirectory + "/commondir") {
            commonDirectory = Files.join(gitDirectory, common)
        } else {
            commonDirectory = gitDirectory
        }
    }

    private static func find(_ variables: [String: String], _ directory: String) throws -> String {
        if let given = variables["GIT_DIR"], !given.isEmpty { return try resolve(Files.join(directory, given)) }
        var folder = directory
        while true {
            let candidate = folder == "/" ? "/.git" : folder + "/.git"
            if Files.exists(candidate) { return try resolve(candidate) }
            if Files.exists(folder + "/HEAD"), Files.isDirectory(folder + "/objects"),
                Files.isDirectory(folder + "/refs")
            {
                return folder
            }
            guard folder != "/", folder != "." else { break }
            folder = Files.parent(of: folder)
        }
        throw MLError(.notARepository, "not a git repository (or any of the parent folders): '\(directory)'")
    }

    /// Follows a `.git` file, as work trees and submodules have.
    private static func resolve(_ path: String) throws -> String {
        if Files.isDirectory(path) { return path }
        guard let text = line(of: path), text.hasPrefix("gitdir: ") else {
            throw MLError(.notARepository, "'\(path)' is neither a repository nor points to one")
        }
        return Files.join(Files.parent(of: path), String(text.dropFirst(8)))
    }

    private static func line(of path: String) -> String? {
        guard let text = try? Files.readText(path) else { return nil }
        return String(text.prefix { !$0.isNewline })
    }
}
