import Base
import GitKit

extension DataRepository {
    /// Pointers of the tips of branches, remote branches and tags whose commit is not older than `mldata.recentDays`
    /// (default 7).
    ///
    /// - Parameter now: seconds since 1970.
    public func recentPointers(now: Int64) throws -> [PointerFile] {
        let days = try configuration.integer("mldata.recentDays") ?? 7
        let (seconds, overflow) = days.multipliedReportingOverflow(by: 86_400)
        let limit = overflow ? Int64.min : now - seconds
        // An annotated tag has the date of what it names in the field with the star.
        let listing = try repository.git.run([
            "for-each-ref", "--format=%(committerdate:unix) %(*committerdate:unix) %(refname)", "refs/heads",
            "refs/remotes", "refs/tags",
        ]).text
        var trees: Set<GitID> = []
        for line in listing.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 2, let date = fields.dropLast().compactMap({ Int64($0) }).max(), date >= limit,
                let name = fields.last
            else { continue }
            trees.insert(try repository.commit(String(name)).tree)
        }
        return try trees.sorted { $0.hex < $1.hex }.flatMap { try pointers(inTree: $0) }
    }
}
