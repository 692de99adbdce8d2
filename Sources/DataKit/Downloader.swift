import Base
import ObjectStore
import Remotes

/// Brings content from the remote store into the local one.
public struct Downloader: Sendable {
    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// - Returns: what was moved, and ids that no remote has.
    public func fetch(
        _ ids: [ObjectID], gitRemote: String? = nil, progress: any ProgressReporter
    ) throws -> (transfer: PackRemote.Transfer, missing: [ObjectID]) {
        let store = try data.openStore()
        let wanted = try store.lacking(Set(ids)).sorted()
        if wanted.isEmpty { return (PackRemote.Transfer(), []) }
        guard let remote = try data.openRemote(gitRemote: gitRemote) else { return (PackRemote.Transfer(), wanted) }
        return try remote.fetch(wanted, into: store, progress: progress)
    }

    /// Fetches and throws when something is nowhere to be had.
    public func require(_ ids: [ObjectID], progress: any ProgressReporter) throws {
        let missing = try fetch(ids, progress: progress).missing
        guard let first = missing.first else { return }
        let place = try data.openRemote(gitRemote: nil).map { "nor on \($0.name)" } ?? "and there is no remote"
        throw MLError(
            .missingObject,
            "object \(first.short)\(missing.count > 1 ? " and \(missing.count - 1) more" : "") "
                + "is not in the local store \(place)",
            hint: "somebody who has it must push it: 'git mldata push --all'")
    }
}
