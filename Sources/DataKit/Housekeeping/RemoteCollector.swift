import Base
import GitKit
import ObjectStore
import Remotes

/// Frees a remote store of what no ref has needed for a while.
public struct RemoteCollector: Sendable {
    public struct Report: Sendable {
        public var remote: String
        public var usedFiles: Int
        public var dropped: Int
        public var freedBytes: Int64
        public var waiting: Int
        public var waitingBytes: Int64
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// - Parameters:
    ///   - store: a configured remote store.
    ///   - grace: seconds that unused content stays after it was first found unused.
    /// - Throws: `MLError(.failed)` when a Git remote has refs whose commits are not here: what they need is unknown.
    public func run(store name: String, grace: Int64, dryRun: Bool) throws -> Report {
        guard let remote = try data.openRemote(named: name, gitRemote: nil) else {
            throw MLError(.notFound, "there is no remote store '\(name)'")
        }
        guard let remote = remote as? PackRemote else {
            throw MLError(
                .failed, "a Git LFS server cannot be told to delete: '\(remote.name)'",
                hint: "whoever runs it removes what is not needed any more")
        }
        var used = try UsedFiles(data).oids
        used.formUnion(try filesOnGitRemotes())
        let result = try remote.collect(
            keeping: used, store: data.openStore(), now: Timestamp.now().seconds, grace: grace, dryRun: dryRun,
            temporary: Files.temporaryName(beside: data.storeDirectory + "/tmp/x"))
        return Report(
            remote: remote.name, usedFiles: used.count, dropped: result.dropped, freedBytes: result.freedBytes,
            waiting: result.waiting, waitingBytes: result.waitingBytes)
    }

    /// Files that the refs of the Git remotes reach now: what others have pushed since the last fetch counts.
    private func filesOnGitRemotes() throws -> Set<ObjectID> {
        var tips: Set<String> = []
        for remote in try data.repository.git.run(["remote"]).text.split(separator: "\n") {
            for line in try data.repository.git.run(["ls-remote", String(remote)]).text.split(separator: "\n") {
                let fields = line.split(separator: "\t")
                guard fields.count == 2, !fields[1].hasPrefix("refs/mldata/"), let id = GitID(fields[0]) else {
                    continue
                }
                guard data.repository.contains(id) else {
                    throw MLError(
                        .failed, "'\(fields[1])' of git remote '\(remote)' is not here, so what it needs is unknown",
                        hint: "run 'git fetch --all --tags' first")
                }
                tips.insert(id.hex)
            }
        }
        return Set(try data.pointers(reachableFrom: tips.sorted(), excluding: []).map(\.pointer.oid))
    }
}
