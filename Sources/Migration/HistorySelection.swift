import Base
import GitKit

/// Which refs a rewrite moves, and which commits it looks at.
public struct HistorySelection: Sendable {
    /// Refs to move, by full name; `HEAD` when it is detached.
    public var refs: [String]
    /// Commits, parents before children.
    public var commits: [GitID]

    /// - Parameters:
    ///   - everything: all branches and tags, whatever remotes have.
    ///   - include: refs as typed; empty takes the current branch without what any remote has.
    ///   - exclude: commits reachable from these stay as they are.
    /// - Throws: `MLError(.notFound)` for refs that do not exist.
    public init(_ repository: Repository, everything: Bool, include: [String], exclude: [String]) throws {
        let git = repository.git
        var arguments = ["rev-list", "--topo-order", "--reverse", "--stdin"]
        if everything {
            refs = try repository.references(matching: "refs/heads/*") + repository.references(matching: "refs/tags/*")
            if repository.currentBranch() == nil, try repository.head() != nil { refs.append("HEAD") }
        } else if include.isEmpty {
            _ = try repository.commit("HEAD")
            refs = [repository.currentBranch().map { "refs/heads/" + $0 } ?? "HEAD"]
            if exclude.isEmpty { arguments += ["--not", "--remotes"] }
        } else {
            refs = try include.map { name in
                let full =
                    try git.start([
                        "rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", name,
                    ])
                    .text.split(separator: "\n").last.map(String.init) ?? ""
                guard full.hasPrefix("refs/heads/") || full.hasPrefix("refs/tags/") else {
                    throw MLError(
                        .notFound, "'\(name)' is not a local branch or a tag",
                        hint: "'git branch' and 'git tag' list those there are")
                }
                return full
            }
        }
        // A tag may name a tree or a blob, which has no history.
        refs = refs.filter { name in (try? repository.commit(name + "^{commit}")) != nil }
        let stops = try exclude.map { "^" + (try repository.commit($0)).id.hex }
        let input = (refs + stops).joined(separator: "\n") + "\n"
        commits =
            refs.isEmpty
            ? []
            // Replacements are another view on the history; what is rewritten is the history itself.
            : try git.run(arguments, input: Array(input.utf8), environment: ["GIT_NO_REPLACE_OBJECTS": "1"]).text
                .split(separator: "\n").compactMap { GitID($0) }
    }
}
