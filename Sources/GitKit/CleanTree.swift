import Base
import CGit2

extension Repository {
    /// Whether the index alone proves that no tracked file differs from a tree: it says it is that tree, and the stat data
    /// of each entry is that of its file. False means that git must be asked, not that something differs.
    ///
    /// Untracked files do not count.
    public func isProvenClean(_ tree: GitID) -> Bool {
        guard let top = workTree, let written = Files.status(indexPath), let bytes = try? Files.read(indexPath) else {
            return false
        }
        let cached = try? IndexFile.cachedTree(bytes, indexPath) { raw in
            let entry = raw.entry
            if entry.skipWorktree { return true }
            guard entry.stage == 0, entry.mode != 0o160000,
                let status = Files.status(top + "/" + String(path: raw.name)),
                entry.matches(status)
            else { return false }
            // A file that changed when the index was written may have changed again without a trace ("racily clean").
            let isSettled =
                (status.modifiedSeconds, status.modifiedNanoseconds)
                < (written.modifiedSeconds, written.modifiedNanoseconds)
            return isSettled || isSame(top + "/" + String(path: raw.name), status, entry.id)
        }
        return cached == .some(tree)
    }

    /// Whether a small file is this very blob, unfiltered.
    private func isSame(_ path: String, _ status: Files.Status, _ blob: GitID) -> Bool {
        var oid = git_oid()
        return status.isRegular && status.size < 1 << 16 && git_odb_hashfile(&oid, path, GIT_OBJECT_BLOB) == 0
            && GitID(oid) == blob
    }
}
