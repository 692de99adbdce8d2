import Base
import GitKit
import Remotes

/// Keeps a push from overwriting what somebody else has locked, as git-lfs's own hook does.
public struct LockCheck: Sendable {
    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// Looks only when the remote store is a Git LFS server and `lfs.locksverify` is not false.
    ///
    /// - Returns: a warning when the server could not be asked and the check is not required.
    /// - Throws: `MLError(.conflict)` naming the files; any error of the server when `lfs.locksverify` is true.
    public func run(pushing refs: [PushedRef]) throws -> MLError? {
        let setting = try verifies()
        guard setting != false, let endpoint = try data.lfsStore(), endpoint.isRemote else { return nil }
        for ref in refs {
            let server = LFSLocks(endpoint, git: data.repository.git, ref: ref.remoteName)
            do {
                guard let theirs = try server.verify()?.theirs, !theirs.isEmpty else { continue }
                let changed = try paths(of: ref)
                let locked = theirs.filter { changed.contains($0.path) }
                guard let first = locked.first else { continue }
                throw MLError(
                    .conflict,
                    "'\(first.path)' is locked by \(first.owner ?? "somebody else")"
                        + (locked.count > 1 ? ", and \(locked.count - 1) more of the pushed files are locked" : ""),
                    hints: [
                        "ask for the lock to be given back ('git mldata locks' shows all), then push again",
                        "to push without this check: git config lfs.locksverify false",
                    ])
            } catch let error as MLError where error.code != .conflict && setting != true {
                return error
            }
        }
        return nil
    }

    /// `lfs.URL.locksverify`, else `lfs.locksverify`; nil when neither is set.
    private func verifies() throws -> Bool? {
        if let endpoint = try data.lfsStore(), let own = try data.configuration.bool("lfs.\(endpoint.name).locksverify")
        {
            return own
        }
        return try data.configuration.bool("lfs.locksverify")
    }

    /// Files that the pushed commits change.
    private func paths(of ref: PushedRef) throws -> Set<String> {
        var range = [ref.local.hex]
        if !ref.remote.isZero, data.repository.contains(ref.remote) {
            range.append("^" + ref.remote.hex)
        } else {
            // A new branch: what any branch of the remote has, is not new.
            range += ["--not", "--remotes"]
        }
        let listing = try data.repository.git.run(
            ["log", "--format=", "--name-only", "--no-renames", "-m", "-z"] + range + ["--"])
        return Set(listing.output.split(separator: 0).map { String(path: $0.drop { $0 == 10 }) })
    }
}
