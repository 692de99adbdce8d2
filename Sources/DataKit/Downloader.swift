import Base
import ObjectStore
import Remotes

/// Brings content from the remote store into the local one.
public struct Downloader: Sendable {
    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// Looks in this order: the local store, what git-lfs keeps in this repository, the remote store or the Git remote, the
    /// copies, the local store of a Git remote that is a repository on this machine, the Git remote also when there is a
    /// store, and, when no remote store is configured, the LFS server that goes with the Git remote.
    ///
    /// - Parameters:
    ///   - name: a configured store to ask alone; nil for all of these.
    ///   - store: the local one, if it is open.
    /// - Returns: what was moved, and ids that are nowhere.
    /// - Throws: what kept the remote store from answering, when nobody else had the content.
    public func fetch(
        _ files: [Pointer], gitRemote: String? = nil, from name: String? = nil, into store: ObjectStore? = nil,
        progress: any ProgressReporter
    ) throws -> (transfer: ContentTransfer, missing: [ObjectID]) {
        let store = try store ?? data.openStore()
        let lacking = Set(try store.lacking(Set(files.filter { $0.size > 0 }.map(\.oid))))
        var wanted = Set(files).filter { lacking.contains($0.oid) }.sorted { $0.oid < $1.oid }
        var moved = ContentTransfer()
        func fetch(_ remote: any ContentRemote) throws {
            let (transfer, missing) = try remote.fetch(wanted, into: store, progress: progress)
            moved = moved + transfer
            let absent = Set(missing)
            wanted = wanted.filter { absent.contains($0.oid) }
        }
        if wanted.isEmpty { return (moved, []) }
        if let name {
            try fetch(data.open(data.remoteSetting(named: name), gitRemote: gitRemote))
            return (moved, wanted.map(\.oid))
        }
        try fetch(data.lfsFolder)
        if wanted.isEmpty { return (moved, []) }
        let primary = try data.primaryRemote(gitRemote: gitRemote)
        let mirrors = try data.mirrors(of: primary)
        var failure: (any Error)?
        do {
            if let remote = try data.openRemote(gitRemote: gitRemote) { try fetch(remote) }
        } catch  where !mirrors.isEmpty {
            failure = error
            wanted = try stillLacking(wanted, store)
        }
        for mirror in mirrors where !wanted.isEmpty {
            do { try fetch(data.open(mirror, gitRemote: gitRemote)) } catch {
                failure = failure ?? error
                wanted = try stillLacking(wanted, store)
            }
        }
        if !wanted.isEmpty, let neighbour = try data.neighbourStore(gitRemote: gitRemote) {
            let absent = Set(try neighbour.lacking(wanted.map(\.oid)))
            let there = wanted.map(\.oid).filter { !absent.contains($0) }
            let (objects, bytes) = try store.copy(there, from: neighbour)
            moved.objects += objects
            moved.bytes += bytes
            wanted = try stillLacking(wanted, store)
        }
        if !wanted.isEmpty, let primary, !primary.url.hasPrefix("git::") {
            // Pushed before there was a store. Nobody said that anything is there: what it has not is just missing.
            do {
                if let remote = try data.openGitRemote(gitRemote) { try fetch(remote) }
            } catch let error as MLError where error.code != .corrupt {}
        }
        if !wanted.isEmpty, let failure { throw failure }
        if !wanted.isEmpty, primary == nil, let place = try data.lfsPlace(gitRemote: gitRemote) {
            do {
                try fetch(data.lfsRemote(place.endpoint, isGuess: !place.isConfigured))
            } catch let error as MLError where !place.isConfigured && error.code != .corrupt {
                // Nobody said that there is an LFS server: then what it would have had is just missing.
            }
        }
        return (moved, wanted.map(\.oid))
    }

    private func stillLacking(_ files: [Pointer], _ store: ObjectStore) throws -> [Pointer] {
        let lacking = Set(try store.lacking(files.map(\.oid)))
        return files.filter { lacking.contains($0.oid) }
    }

    /// Fetches and throws when something is nowhere to be had.
    public func require(_ files: [Pointer], progress: any ProgressReporter) throws {
        let missing = try fetch(files, progress: progress).missing
        guard let first = missing.first else { return }
        let place = try data.openRemote(gitRemote: nil).map { "nor on \($0.name)" } ?? "and there is no remote"
        throw MLError(
            .missingObject,
            "object \(first.short)\(missing.count > 1 ? " and \(missing.count - 1) more" : "") "
                + "is not in the local store \(place)",
            hint: "somebody who has it must push it: 'git mldata push --all'")
    }
}
