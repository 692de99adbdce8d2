import Base
import GitKit

/// The project's own notes on commits, which follow when commits get new ids.
struct CommitNotes {
    static let reference = "refs/notes/mlrun"
    let repository: Repository

    init(_ repository: Repository) { self.repository = repository }

    /// Gives new commits the notes of the old ones; those keep theirs, since the backup refs still reach them.
    ///
    /// - Returns: how many notes were copied. The ref moves with the transaction.
    func copy(_ map: [GitID: GitID], _ transaction: inout RefTransaction) throws -> Int {
        guard let tip = repository.reference(CommitNotes.reference) else { return 0 }
        let tree = try repository.commit(tip.hex).tree
        let entries = try repository.files(inTree: tree)
        let present = Set(entries.map { CommitNotes.commit($0.path) })
        var changes: [(path: String, blob: GitID?)] = []
        for entry in entries {
            guard let old = CommitNotes.commit(entry.path), let new = map[old], new != old, !present.contains(new)
            else {
                continue
            }
            changes.append((CommitNotes.path(new, like: entry.path), entry.id))
        }
        if changes.isEmpty { return 0 }
        let changed = try repository.writeTree(updating: tree, changes)
        let commit = try repository.writeCommit(
            tree: changed, parents: [tip], message: "Notes follow rewritten commits")
        transaction.move(CommitNotes.reference, from: tip, to: commit)
        return changes.count
    }

    /// The commit a path in a notes tree speaks of: `aabbcc…`, or with folders `aa/bbcc…` (git: notes.c, "fanout").
    private static func commit(_ path: String) -> GitID? { GitID(path.filter { $0 != "/" }) }

    private static func path(_ id: GitID, like other: String) -> String {
        var digits = id.hex.makeIterator()
        return String(other.map { $0 == "/" ? "/" : digits.next() ?? $0 })
    }
}
