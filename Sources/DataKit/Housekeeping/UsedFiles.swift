import Base
import GitKit
import ObjectStore

/// What a collection must keep: every file that a branch, tag, note, stash, index, work tree or unfinished merge uses.
public struct UsedFiles: Sendable {
    /// Oids of the files in use.
    public private(set) var oids: Set<ObjectID> = []
    /// Repositories that share the store and were asked too.
    public private(set) var sharers: [String] = []
    /// Repositories that were registered with the store and are not there any more.
    public private(set) var lostSharers: [String] = []

    /// - Parameter history: also all older versions; false keeps only what the tips of refs hold.
    /// - Throws: whatever reading the repositories throws: a collection that cannot see everything must not start.
    public init(_ data: DataRepository, history: Bool = true) throws {
        oids = try data.filesInUse(history: history)
        for other in try StoreUsers(data).all where other != data.repository.commonDirectory {
            guard Files.isDirectory(other) else {
                lostSharers.append(other)
                continue
            }
            sharers.append(other)
            oids.formUnion(try DataRepository(discoveringFrom: other).filesInUse(history: history))
        }
    }
}

extension DataRepository {
    /// Files that refs, stashes, indexes, work trees and unfinished operations of this repository use.
    func filesInUse(history: Bool) throws -> Set<ObjectID> {
        var used = try filesInIndexes()
        let tips = try tipsInUse()
        if history {
            used.formUnion(try pointers(reachableFrom: tips, excluding: []).map(\.pointer.oid))
        } else {
            // Notes and other refs without history of files have trees all the same.
            for tip in tips {
                guard let commit = try? repository.commit(tip) else { continue }
                used.formUnion(try pointers(inTree: commit.tree).map(\.pointer.oid))
            }
        }
        return used
    }

    /// All refs, each stash, the heads of every work tree and what a merge, rebase or cherry-pick holds on to.
    private func tipsInUse() throws -> [String] {
        var tips = Set(try repository.git.run(["for-each-ref", "--format=%(objectname)"]).text.split(separator: "\n"))
        if repository.reference("refs/stash") != nil {
            // Older stashes are in the reflog only.
            tips.formUnion(
                try repository.git.run(["rev-list", "--walk-reflogs", "refs/stash"]).text.split(separator: "\n"))
        }
        for folder in try workTreeFolders() {
            for name in ["HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"] {
                let text = (try? Files.readText(folder + "/" + name)) ?? ""
                for line in text.split(separator: "\n") {
                    guard let id = GitID(line.prefix { $0 != " " }), repository.contains(id) else { continue }
                    tips.insert(Substring(id.hex))
                }
            }
        }
        return tips.map(String.init).sorted()
    }

    /// Pointers in the index of every work tree, the three sides of conflicts included.
    private func filesInIndexes() throws -> Set<ObjectID> {
        var used: Set<ObjectID> = []
        for folder in try workTreeFolders() {
            for entry in try IndexFile(path: folder + "/index").entries where entry.isRegularFile {
                if let pointer = try pointer(entry.id) { used.insert(pointer.oid) }
            }
        }
        return used
    }

    /// The private Git folders of the main work tree and of each linked one.
    private func workTreeFolders() throws -> [String] {
        let linked = repository.commonDirectory + "/worktrees"
        return [repository.commonDirectory] + (try Files.list(linked).sorted().map { linked + "/" + $0 })
    }
}
