import ArgumentParser
import Base
import CommandKit
import GitKit
import RunKit

/// Which experiments, by the commits they began from, in DVC's options; without any of them all.
struct ExperimentSelection: ParsableArguments {
    @Flag(name: [.customShort("A"), .long], help: "Of all commits (as without these options).") var allCommits = false
    @Option(parsing: .singleValue, help: ArgumentHelp("Only what began from this commit.", valueName: "rev"))
    var rev: [String] = []
    @Option(
        name: [.customShort("n"), .customLong("num")], parsing: .unconditional,
        help: ArgumentHelp(
            "Only what began from the last N commits of --rev or HEAD (first parents), from any of them when negative.",
            valueName: "n"))
    var count: Int?

    /// Whether anything is said at all.
    var isGiven: Bool { allCommits || !rev.isEmpty || count != nil }

    /// The commits asked for; nil for all.
    ///
    /// - Parameter others: more revisions whose experiments count.
    func bases(_ repository: Repository, and others: [String] = []) throws -> Set<GitID>? {
        if allCommits || (rev.isEmpty && count == nil && others.isEmpty) { return nil }
        var bases = Set(try others.map { try repository.commit($0).id })
        let limit = count ?? 1
        for name in rev.isEmpty && count != nil ? ["HEAD"] : rev {
            let commit = try repository.commit(name)
            let words = ["rev-list", "--first-parent"] + (limit < 0 ? [] : ["--max-count=\(limit)"])
            let list = try repository.git.run(words + [commit.id.hex]).text
            bases.formUnion(list.split(separator: "\n").compactMap { GitID($0) })
        }
        return bases
    }

    func choose(_ experiments: [Experiment], _ repository: Repository) throws -> [Experiment] {
        guard let bases = try bases(repository) else { return experiments }
        return experiments.filter { bases.contains($0.base) }
    }
}
