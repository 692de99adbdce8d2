import Base
import CGit2
import Glibc

extension Repository {
    /// The object a ref points to, symbolic refs followed; nil when there is no such ref.
    public func reference(_ name: String) -> GitID? {
        withHandle { handle in
            var oid = git_oid()
            return git_reference_name_to_id(&oid, handle, name) == 0 ? GitID(oid) : nil
        }
    }

    /// Full names of refs that match a pattern such as `refs/mlrun/*`, sorted.
    public func references(matching pattern: String) throws -> [String] {
        let names: [String] = try withHandle { handle in
            var iterator: OpaquePointer?
            try LibGit2.check(.io, "cannot list refs") { git_reference_iterator_glob_new(&iterator, handle, pattern) }
            defer { git_reference_iterator_free(iterator) }
            var names: [String] = []
            var name: UnsafePointer<CChar>?
            while git_reference_next_name(&name, iterator) == 0 {
                if let name { names.append(String(cString: name)) }
            }
            return names
        }
        return names.sorted()
    }

    /// Moves a ref from `old` to `new` if it still is at `old` (nil: does not exist).
    ///
    /// - Returns: false when somebody else moved it or holds its lock: read again and retry.
    public func compareAndSwap(_ name: String, from old: GitID?, to new: GitID, message: String) throws -> Bool {
        if let old { return try swap(name, from: old, to: new, message: message) }
        // libgit2 looks whether a new ref exists before it has the lock: `git update-ref` does it after.
        let answer = try git.start(["update-ref", "--create-reflog", "-m", message, name, new.hex, GitID.zero.hex])
        if answer.status == 0 { return true }
        let words = answer.errorText
        if words.contains("cannot lock ref") || words.contains("Unable to create") || words.contains("but expected") {
            return false
        }
        throw GitCommand.failure(["update-ref"], answer)
    }

    /// The same in this process, for a ref that is there: its old value is compared under Git's own lock.
    private func swap(_ name: String, from old: GitID, to new: GitID, message: String) throws -> Bool {
        try withHandle { handle in
            _ = git_reference_ensure_log(handle, name)
            var moved: OpaquePointer?
            var (from, to) = (old.raw, new.raw)
            let result = git_reference_create_matching(&moved, handle, name, &to, 1, &from, message)
            defer { git_reference_free(moved) }
            switch git_error_code(result) {
            case GIT_OK: return true
            case GIT_EMODIFIED, GIT_ELOCKED, GIT_ENOTFOUND: return false
            default: throw LibGit2.error(result, .io, "cannot update '\(name)'")
            }
        }
    }

    /// Rebuilds a ref's tree and swaps it in, again and again until nobody came in between.
    ///
    /// - Parameters:
    ///   - parents: further parents of the new commit (what was merged in).
    ///   - change: given the current tree (nil: none yet), returns the new one; nil when there is nothing to do.
    public func updateTree(
        ofRef name: String, message: String, parents: [GitID] = [], _ change: (GitID?) throws -> GitID?
    ) throws {
        for attempt in 0..<200 {
            let old = reference(name)
            let tree = try old.map { try commit($0.hex).tree }
            guard let changed = try change(tree), changed != tree || !parents.isEmpty else { return }
            let all = (old.map { [$0] } ?? []) + parents.filter { $0 != old }
            let new = try writeCommit(tree: changed, parents: all, message: message)
            if try compareAndSwap(name, from: old, to: new, message: message) { return }
            // Jitter keeps many writers from marching in step.
            usleep(UInt32.random(in: 500...(2_000 * UInt32(min(attempt + 1, 25)))))
        }
        throw MLError(.conflict, "cannot update '\(name)': other processes keep changing it", hint: "try again")
    }
}
