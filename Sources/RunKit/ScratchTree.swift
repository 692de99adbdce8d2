import Base
import GitKit
import Glibc

/// A work tree of its own in the Git folder, made from a tree object: pipelines run there beside the user's files, which
/// nothing touches. It shares objects, refs and the data store with the repository; removed when it is no longer used.
public final class ScratchTree: Sendable {
    /// The top of the work tree.
    public let path: String
    private let git: GitCommand

    /// Makes it and sweeps up what killed processes left.
    ///
    /// - Parameters:
    ///   - commit: what HEAD is there.
    ///   - tree: the files; those of the commit when nil.
    public init(_ repository: Repository, commit: GitID, tree: GitID? = nil) throws {
        git = GitCommand(directory: repository.commonDirectory)
        let folder = repository.commonDirectory + "/mlrun/scratch"
        try Files.makeDirectories(folder)
        path = folder + "/\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try ScratchTree.alone(folder) {
            try ScratchTree.sweep(folder, git)
            // No hooks: they would fill in large files that no stage reads; a run fetches what it needs.
            try git.run(
                ["worktree", "add", "--quiet", "--detach", "--no-checkout", path, commit.hex].withoutHooks,
                environment: GitCommand.localVariables)
        }
        try inside(["read-tree", "--reset", "-u", (tree ?? commit).hex])
    }

    /// Runs git in it.
    @discardableResult
    public func inside(_ arguments: [String], environment: [String: String?] = [:]) throws -> Subprocess.Result {
        try GitCommand(directory: path).run(
            arguments.withoutHooks, environment: GitCommand.localVariables.merging(environment) { $1 })
    }

    /// Adds all changes to its index and returns the tree.
    public func write() throws -> GitID {
        try inside(["add", "--all"])
        guard let id = GitID(try inside(["write-tree"]).text.dropLast()) else {
            throw MLError(.failed, "git write-tree did not answer with an id")
        }
        return id
    }

    public func remove() {
        try? ScratchTree.alone(Files.parent(of: path)) { ScratchTree.remove(path, git) }
    }

    /// One at a time in a repository, threads and processes alike: each `git worktree` command reads the entries of all
    /// work trees, and fails on one that another command has only half written.
    private static func alone(_ folder: String, _ body: () throws -> Void) throws {
        let lock = try FileHandle(updating: folder + ".lock")
        _ = try lock.lock(wait: true)
        defer { try? lock.close() }
        try body()
    }

    private static func remove(_ path: String, _ git: GitCommand) {
        _ = try? git.start(
            ["worktree", "remove", "--force", "--force", path], environment: GitCommand.localVariables)
        // Git leaves the folder when a process still wrote into it.
        try? Files.remove(path)
    }

    private static func sweep(_ folder: String, _ git: GitCommand) throws {
        for name in try Files.list(folder) {
            guard let owner = name.split(separator: "-").first.flatMap({ pid_t($0) }), kill(owner, 0) != 0 else {
                continue
            }
            remove(folder + "/" + name, git)
        }
    }
}

extension [String] {
    fileprivate var withoutHooks: [String] { ["-c", "core.hooksPath=/dev/null"] + self }
}
