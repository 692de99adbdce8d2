import Base
import CGit2
import Glibc

/// What a commit says of itself.
public struct Commit: Hashable, Sendable {
    public var id: GitID
    public var tree: GitID
    public var parents: [GitID]
    public var author: String
    public var time: Timestamp
    /// The first line of the message.
    public var subject: String
}

extension Repository {
    /// The commit a revision names: `HEAD~3`, a tag, a branch, a prefix of an id.
    ///
    /// - Throws: `MLError(.notFound)` naming the revision.
    public func commit(_ revision: String) throws -> Commit {
        let found: Commit? = try withHandle { handle in
            var object: OpaquePointer?
            guard git_revparse_single(&object, handle, revision) == 0 else { return nil }
            defer { git_object_free(object) }
            var peeled: OpaquePointer?
            guard git_object_peel(&peeled, object, GIT_OBJECT_COMMIT) == 0, let peeled else { return nil }
            defer { git_object_free(peeled) }
            return try Repository.describe(peeled)
        }
        if let found { return found }
        if revision == "HEAD" || revision == "@" {
            throw MLError(.notFound, "there is no commit yet", hint: "make the first one with 'git commit'")
        }
        throw MLError(
            .notFound, "unknown revision '\(revision)'", hint: "'git log --oneline --all' lists the commits there are")
    }

    /// The commit at HEAD; nil before the first one.
    public func head() throws -> Commit? {
        do { return try commit("HEAD") } catch let error as MLError where error.code == .notFound { return nil }
    }

    /// The short name of the branch HEAD is on; nil when detached.
    public func currentBranch() -> String? {
        let answer = try? git.run(["symbolic-ref", "--quiet", "--short", "HEAD"])
        return answer.map { String($0.text.dropLast()) }
    }

    /// Commits of a range (`A..B`, `A...B`, or everything reachable from one revision), newest first.
    ///
    /// - Parameter limit: at most so many; nil for all.
    public func log(_ range: String = "HEAD", limit: Int? = nil) throws -> [Commit] {
        if !range.contains("..") { _ = try commit(range) }
        var arguments = ["rev-list", "--date-order"]
        if let limit { arguments.append("--max-count=\(limit)") }
        let ids = try git.run(arguments + ["--end-of-options", range, "--"]).text.split(separator: "\n")
        return try ids.map { try commit(String($0)) }
    }

    private static func describe(_ pointer: OpaquePointer) throws -> Commit {
        let parents = (0..<git_commit_parentcount(pointer)).compactMap { index in
            git_commit_parent_id(pointer, index).map { GitID($0.pointee) }
        }
        guard let id = git_commit_id(pointer), let tree = git_commit_tree_id(pointer) else {
            throw MLError(.corrupt, "cannot read a commit")
        }
        return Commit(
            id: GitID(id.pointee), tree: GitID(tree.pointee), parents: parents,
            author: git_commit_author(pointer).map { String(cString: $0.pointee.name) } ?? "",
            time: Timestamp(seconds: Int64(git_commit_time(pointer))),
            subject: git_commit_summary(pointer).map { String(cString: $0) } ?? "")
    }

    /// Writes a commit object; no ref moves.
    public func writeCommit(tree: GitID, parents: [GitID], message: String) throws -> GitID {
        var arguments = ["commit-tree", tree.hex, "-m", message]
        for parent in parents { arguments += ["-p", parent.hex] }
        // A user without a name set can still record: the records' own identity stands in.
        let identity = try git.start(["var", "GIT_COMMITTER_IDENT"])
        var environment: [String: String?] = [:]
        if identity.status != 0 {
            for role in ["AUTHOR", "COMMITTER"] {
                environment["GIT_\(role)_NAME"] = "git-ml"
                environment["GIT_\(role)_EMAIL"] = "git-ml@localhost"
            }
        }
        let text = try git.run(arguments, environment: environment).text.dropLast()
        guard let id = GitID(text) else { throw MLError(.failed, "git commit-tree did not answer with an id") }
        return id
    }
}
