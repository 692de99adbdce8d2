import Base
import Glibc

/// Where a repository is, as `git rev-parse` tells it.
struct RepositoryPlace {
    var gitDirectory: String
    var commonDirectory: String
    var workTree: String?
    var prefix: String
}

extension RepositoryPlace {
    /// The plain case, found without a process: a folder `.git` of this user in the work tree of this user, whose own
    /// configuration says nothing of other places or formats. nil for everything else, which git itself must judge.
    ///
    /// Only for callers who know that no variable of the environment names another place.
    static func plain(from directory: String) -> RepositoryPlace? {
        guard let here = try? Files.realPath(directory), let start = Files.status(here) else { return nil }
        var top = here
        while true {
            // Inside `.git`, or a bare repository.
            if Files.exists(top + "/HEAD"), Files.exists(top + "/objects") { return nil }
            guard let folder = Files.status(top), folder.device == start.device else { return nil }
            let git = top == "/" ? "/.git" : top + "/.git"
            if let found = Files.status(git) {
                guard found.isDirectory, found.user == geteuid(), folder.user == geteuid(), isPlain(git) else {
                    return nil
                }
                let prefix = here == top ? "" : String(here.dropFirst(top == "/" ? 1 : top.count + 1)) + "/"
                return RepositoryPlace(gitDirectory: git, commonDirectory: git, workTree: top, prefix: prefix)
            }
            if top == "/" { return nil }
            top = Files.parent(of: top)
        }
    }

    private static func isPlain(_ git: String) -> Bool {
        guard Files.exists(git + "/HEAD"), Files.isDirectory(git + "/objects"), Files.isDirectory(git + "/refs"),
            !Files.exists(git + "/commondir"), let text = try? Files.readText(git + "/config")
        else { return false }
        let words = text.lowercased()
        return !["worktree", "objectformat", "refstorage", "include", "\\\n"].contains { words.contains($0) }
            && !words.split(separator: "\n").contains { line in
                let parts = line.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
                return parts.first?.hasSuffix("bare") == true && (parts.count < 2 || parts[1] != "false")
            }
    }
}
