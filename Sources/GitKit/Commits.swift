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
        let target = withHandle { handle -> String? in
            var head: OpaquePointer?
            guard git_reference_lookup(&head, handle, "HEAD") == 0 else { return nil }
            defer { git_reference_free(head) }
            return git_reference_symbolic_target(head).map { String(cString: $0) }
        }
        let branches = "refs/heads/"
        return target.flatMap { $0.hasPrefix(branches) ? String($0.dropFirst(branches.count)) : nil }
    }

    /// Commits of a range (`A..B`, `A...B`, or everything reachable from one revision), newest first.
    ///
    /// - Parameter limit: at most so many; nil for all.
    public func log(_ range: String = "HEAD", limit: Int? = nil) throws -> [Commit] {
        try commitIDs(range, limit: limit).map { try commit($0.hex) }
    }

    /// Ids of the commits of a range, newest first.
    public func commitIDs(_ range: String = "HEAD", limit: Int? = nil) throws -> [GitID] {
        if !range.contains("..") { _ = try commit(range) }
        // A strict order needs the whole history first; a few commits are wanted at once.
        var arguments = ["rev-list"] + (limit == nil ? ["--date-order"] : [])
        if let limit { arguments.append("--max-count=\(limit)") }
        return try git.run(arguments + ["--end-of-options", range, "--"]).text.split(separator: "\n")
            .compactMap { GitID($0) }
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

    /// Writes a commit object; no ref moves. The author is git's committer, or git-ml itself where nobody is set.
    public func writeCommit(tree: GitID, parents: [GitID], message: String) throws -> GitID {
        let who = try identity()
        let lines =
            ["tree \(tree)"] + parents.map { "parent \($0)" } + ["author \(who)", "committer \(who)", "", message, ""]
        let bytes = Array(lines.joined(separator: "\n").utf8)
        return try withHandle { handle in
            var database: OpaquePointer?
            try LibGit2.check(.io, "cannot open the object database") { git_repository_odb(&database, handle) }
            defer { git_odb_free(database) }
            var oid = git_oid()
            try LibGit2.check(.io, "cannot write a commit") {
                git_odb_write(&oid, database, bytes, bytes.count, GIT_OBJECT_COMMIT)
            }
            return GitID(oid)
        }
    }

    /// `Name <email> seconds zone`, as git would write it.
    private func identity() throws -> String {
        // Asked again each second, for the time in it.
        let now = Timestamp.now().seconds
        if let known = lastIdentity.value, known.second == now { return known.text }
        if let text = plainIdentity(at: now) {
            lastIdentity.value = (now, text)
            return text
        }
        let answer = try git.start(["var", "GIT_COMMITTER_IDENT"])
        // A user without a name set can still record: the records' own identity stands in.
        let text = answer.status == 0 ? String(answer.text.dropLast()) : "git-ml <git-ml@localhost> \(now) +0000"
        lastIdentity.value = (now, text)
        return text
    }

    /// Says who commits, by configuration and environment, so that git need not be asked for it where that is plain.
    public func useIdentity(_ configuration: Configuration, environment: (String) -> String?) {
        if environment("GIT_COMMITTER_DATE") != nil { return }
        let name = environment("GIT_COMMITTER_NAME") ?? configuration["committer.name"] ?? configuration["user.name"]
        let email =
            environment("GIT_COMMITTER_EMAIL") ?? configuration["committer.email"] ?? configuration["user.email"]
        if let name, let email { lastIdentity.configured = (name, email) }
    }

    /// The committer where name and address are plainly said; nil where git's rules for finding or cleaning them count.
    private func plainIdentity(at second: Int64) -> String? {
        guard let (name, email) = lastIdentity.configured else { return nil }
        func isPlain(_ text: String) -> Bool {
            // Git strips these at the ends, and some of them everywhere.
            let odd = ".,:;<>\"\\'".utf8
            guard let first = text.utf8.first, let last = text.utf8.last else { return false }
            return first > 32 && last > 32 && !odd.contains(first) && !odd.contains(last)
                && !text.utf8.contains { $0 < 32 || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") }
        }
        guard isPlain(name), isPlain(email) else { return nil }
        var (time, local) = (time_t(second), tm())
        localtime_r(&time, &local)
        let minutes = abs(local.tm_gmtoff) / 60
        let digits = String(minutes / 60 * 100 + minutes % 60)
        let zone = (local.tm_gmtoff < 0 ? "-" : "+") + String(repeating: "0", count: 4 - digits.count) + digits
        return "\(name) <\(email)> \(second) \(zone)"
    }

    /// The whole message of a commit.
    public func message(of commit: GitID) throws -> String {
        try withHandle { handle in
            var raw = commit.raw
            var pointer: OpaquePointer?
            try LibGit2.check(.corrupt, "cannot read commit \(commit)") { git_commit_lookup(&pointer, handle, &raw) }
            defer { git_commit_free(pointer) }
            return git_commit_message(pointer).map { String(cString: $0) } ?? ""
        }
    }

    /// The id of a change that stays the same when the change is made to other files (`git patch-id --stable`); nil when
    /// the trees are equal.
    ///
    /// - Parameter old: nil for the empty tree.
    public func patchID(from old: GitID?, to new: GitID) throws -> String? {
        if old == new { return nil }
        return try withHandle { handle in
            var trees: [OpaquePointer?] = [nil, nil]
            defer { for tree in trees { git_tree_free(tree) } }
            for (index, id) in [old, new].enumerated() {
                guard var raw = id?.raw else { continue }
                try LibGit2.check(.corrupt, "cannot read a tree") { git_tree_lookup(&trees[index], handle, &raw) }
            }
            var diff: OpaquePointer?
            try LibGit2.check(.failed, "cannot compare trees") {
                git_diff_tree_to_tree(&diff, handle, trees[0], trees[1], nil)
            }
            defer { git_diff_free(diff) }
            guard git_diff_num_deltas(diff) > 0 else { return nil }
            var oid = git_oid()
            try LibGit2.check(.failed, "cannot compare trees") { git_diff_patchid(&oid, diff, nil) }
            return GitID(oid).hex
        }
    }

    /// The best common ancestor of two commits; nil when there is none.
    public func mergeBase(_ a: GitID, _ b: GitID) -> GitID? {
        withHandle { handle in
            var (first, second, base) = (a.raw, b.raw, git_oid())
            return git_merge_base(&base, handle, &first, &second) == 0 ? GitID(base) : nil
        }
    }
}
