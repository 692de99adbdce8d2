import Base
import CGit2
import Glibc

/// An open Git repository. Objects and refs are read through libgit2; discovery is git's own, so that
/// environment, work trees, submodules and safety checks behave as the user knows them.
///
/// Calls on one instance are serialised by a lock: share it freely, or open more for parallel reading.
public final class Repository: @unchecked Sendable {
    /// The absolute path of the repository's own folder (of the linked work tree's, when in one).
    public let gitDirectory: String
    /// The absolute path of what all work trees share: objects, refs, configuration, the data store.
    public let commonDirectory: String
    /// The absolute path of the top of the work tree; nil in a bare repository.
    public let workTree: String?
    /// Where in the work tree the user stands: empty at the top, else ending in `/`.
    public let prefix: String

    let lastIdentity = LastIdentity()
    private let pointer: OpaquePointer
    private let mutex = Mutex()

    /// Opens the repository that `git` finds from `directory`.
    ///
    /// - Parameter isPlain: no variable of the environment tells git where a repository is: then it need not be asked in
    ///   the plain case.
    /// - Throws: `MLError(.notARepository)`.
    public convenience init(discoveringFrom directory: String? = nil, isPlain: Bool = false) throws {
        let plain = isPlain ? RepositoryPlace.plain(from: directory ?? ".") : nil
        try self.init(plain ?? Repository.place(from: directory))
    }

    /// Asks git.
    private static func place(from directory: String?) throws -> RepositoryPlace {
        let git = GitCommand(directory: directory)
        let answer = try git.start(
            [
                "rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir", "--git-common-dir",
                "--show-object-format", "--show-prefix", "--show-toplevel",
            ])
        let lines = answer.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        // The last question has no answer in a bare repository or inside `.git`; all others come before it.
        guard lines.count >= 7 else {
            if answer.errorText.contains("not a git repository") {
                throw MLError(
                    .notARepository, "not a git repository (or any of the parent directories)",
                    hint: "run 'git init', or go to a repository with 'cd' or -C DIR")
            }
            throw GitCommand.failure(["rev-parse"], answer)
        }
        let base = try Repository.absolute(directory ?? ".")
        guard lines[4] == "sha1" else {
            throw MLError(
                .invalidInput, "repositories with \(lines[4]) object names are not supported yet",
                hint:
                    "'git add' and 'git checkout' work through the filter; everything else needs a repository with sha1"
            )
        }
        return RepositoryPlace(
            gitDirectory: lines[2], commonDirectory: try Repository.absolute(Files.join(base, lines[3])),
            workTree: lines[1] == "true" ? lines[6] : nil, prefix: lines[5])
    }

    private init(_ place: RepositoryPlace) throws {
        (gitDirectory, commonDirectory) = (place.gitDirectory, place.commonDirectory)
        (workTree, prefix) = (place.workTree, place.prefix)
        LibGit2.start
        var opened: OpaquePointer?
        let path = gitDirectory
        try LibGit2.check(.notARepository, "cannot open repository '\(path)'") { git_repository_open(&opened, path) }
        guard let opened else { throw MLError(.notARepository, "cannot open repository '\(path)'") }
        pointer = opened
    }

    deinit { git_repository_free(pointer) }

    /// The data store's folder unless `mldata.store` says otherwise.
    public var dataDirectory: String { commonDirectory + "/mldata" }

    /// A `git` that works in this repository's work tree (or in the bare repository).
    public var git: GitCommand { GitCommand(directory: workTree ?? gitDirectory) }

    /// The top of the work tree.
    ///
    /// - Throws: `MLError(.notFound)` in a bare repository.
    public func requireWorkTree() throws -> String {
        guard let workTree else { throw MLError(.notFound, "this operation must be run in a work tree") }
        return workTree
    }

    /// Serialises access to libgit2's handle.
    func withHandle<T>(_ body: (OpaquePointer) throws -> T) rethrows -> T { try mutex.withLock { try body(pointer) } }

    /// The path inside the repository of what the user typed, relative to where they stand.
    ///
    /// - Throws: `MLError(.invalidInput)` when it leaves the work tree.
    public func repositoryPath(_ typed: String) throws -> String {
        let top = try requireWorkTree()
        var path = typed
        if path.hasPrefix("/") {
            guard path == top || path.hasPrefix(top + "/") else {
                throw MLError(.invalidInput, "'\(typed)' is outside repository at '\(top)'")
            }
            path = String(path.dropFirst(top.count + 1))
        } else {
            path = prefix + path
        }
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." {
                guard parts.popLast() != nil else {
                    throw MLError(.invalidInput, "'\(typed)' is outside repository at '\(top)'")
                }
            } else {
                parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }

    /// True when git's ignore rules cover the path (relative to the top).
    public func isIgnored(_ path: String) -> Bool {
        withHandle { handle in
            var ignored: Int32 = 0
            return git_ignore_path_is_ignored(&ignored, handle, path) == 0 && ignored != 0
        }
    }

    private static func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else { throw Files.ioError("cannot resolve '\(path)'") }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// Who writes commits, as git said it last.
final class LastIdentity: @unchecked Sendable {
    private let mutex = Mutex()
    private var stored: (second: Int64, text: String)?
    private var said: (name: String, email: String)?

    /// What configuration and environment say; nil where nobody has looked.
    var configured: (name: String, email: String)? {
        get { mutex.withLock { said } }
        set { mutex.withLock { said = newValue } }
    }

    var value: (second: Int64, text: String)? {
        get { mutex.withLock { stored } }
        set { mutex.withLock { stored = newValue } }
    }
}
