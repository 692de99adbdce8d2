import Base
import GitKit
import Glibc
import Records

/// Joins a ref that holds line files (records, notes) with another one: a file on both sides gets the lines of both.
/// The order in which machines meet does not matter, and nothing either side has is lost.
enum RefJoin {
    /// Joins `theirs` into a local ref by compare-and-swap.
    static func join(_ theirs: GitID, into reference: String, _ repository: Repository) throws {
        let theirTree = try repository.commit(theirs.hex).tree
        let theirFiles = try repository.files(inTree: theirTree)
        for attempt in 0..<100 {
            let old = repository.reference(reference)
            if old == theirs { return }
            var new = theirs
            if let old {
                let tree = try repository.commit(old.hex).tree
                let joined = try union(tree, theirFiles, repository)
                let isAncestor =
                    try repository.git.start(["merge-base", "--is-ancestor", theirs.hex, old.hex]).status == 0
                if isAncestor && joined == tree { return }
                // Where one side has everything, its own commit says so; only real joins make a new one.
                if joined != theirTree || tree == theirTree {
                    new = try repository.writeCommit(tree: joined, parents: [old, theirs], message: "mlrun: join")
                }
            }
            if try repository.compareAndSwap(reference, from: old, to: new, message: "mlrun: join") { return }
            usleep(UInt32(1_000 * (attempt + 1)))
        }
        throw MLError(.conflict, "cannot update '\(reference)': other processes keep changing it", hint: "try again")
    }

    private static func union(_ ours: GitID, _ theirs: [TreeEntry], _ repository: Repository) throws -> GitID {
        let mine = try repository.files(inTree: ours).map { (compact($0.path), $0) }
        let present = Dictionary(mine, uniquingKeysWith: { first, _ in first })
        var changes: [(path: String, blob: GitID?)] = []
        for file in theirs {
            guard let own = present[compact(file.path)] else {
                changes.append((file.path, file.id))
                continue
            }
            if own.id == file.id || file.path.hasPrefix("logs/") { continue }
            let lines = LineUnion.merge([try repository.readBlob(own.id), try repository.readBlob(file.id)])
            changes.append((own.path, try repository.writeBlob(lines)))
        }
        return changes.isEmpty ? ours : try repository.writeTree(updating: ours, changes)
    }

    /// Fan-out is a matter of storage: `ab/cd` and `abcd` are the same note.
    private static func compact(_ path: String) -> String { path.filter { $0 != "/" } }
}
