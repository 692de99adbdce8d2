import Base
import GitKit
import ObjectStore
import Remotes

/// One line of a pre-push hook's input: what Git is about to move.
public struct PushedRef: Hashable, Sendable {
    public var local: GitID
    public var remoteName: String
    public var remote: GitID

    /// Reads `<local-ref> <local-oid> <remote-ref> <remote-oid>` lines; deletions are left out.
    public static func parse(_ input: String) -> [PushedRef] {
        input.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            // The local ref can be any expression, so count from the end.
            guard fields.count >= 4, let local = GitID(fields[fields.count - 3]), !local.isZero,
                let remote = GitID(fields[fields.count - 1])
            else { return nil }
            return PushedRef(local: local, remoteName: String(fields[fields.count - 2]), remote: remote)
        }
    }
}

/// Finds what a push needs on the remote store and uploads what is missing there.
public struct Uploader: Sendable {
    public struct Plan: Sendable {
        /// Tracked files that the pushed commits use and the remote lacks.
        public var files: [PointerFile] = []
        public var bytes: Int64 { files.reduce(0) { $0 + $1.pointer.size } }
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// Pointers that the commits use and the Git remote does not have yet.
    public func pointers(pushing refs: [PushedRef], to gitRemote: String) throws -> [PointerFile] {
        var excluded = refs.map(\.remote).filter { !$0.isZero && data.repository.contains($0) }
        if refs.contains(where: { $0.remote.isZero }) {
            // A new branch: what the remote has is asked of the remote itself; remote-tracking refs may be stale.
            let listing = try data.repository.git.start(["ls-remote", gitRemote])
            excluded += listing.text.split(separator: "\n").compactMap { GitID($0.prefix(40)) }
                .filter { data.repository.contains($0) }
        }
        let found = try data.pointers(
            reachableFrom: refs.map(\.local.hex), excluding: Array(Set(excluded.map(\.hex))).sorted())
        if found.isEmpty || data.repository.workTree == nil { return found }
        // Those are the business of git-lfs's own hook, and lie on its own server.
        let filters = try data.repository.attribute("filter", of: found.map(\.path))
        return found.filter { filters[$0.path] != "lfs" }
    }

    /// Pointers of everything that any ref of this repository reaches.
    public func allPointers() throws -> [PointerFile] {
        let tips = try data.repository.references(matching: "refs/*").filter {
            !$0.hasPrefix("refs/notes/") && !$0.hasPrefix("refs/mlrun/") && !$0.hasPrefix("refs/mldata/")
        }
        return try data.pointers(reachableFrom: tips, excluding: [])
    }

    /// What of it the remote store lacks.
    ///
    /// - Throws: `MLError(.missingObject)` when neither the remote nor the local store has the content of a file, unless
    ///   `mldata.allowIncompletePush` is set.
    public func plan(_ pointers: [PointerFile], _ remote: any ContentRemote) throws -> Plan {
        let store = try data.openStore()
        let lacking = Set(try remote.lacking(pointers.map(\.pointer)))
        // What git-lfs keeps in this repository is as good as our own.
        _ = try data.lfsFolder.fetch(
            pointers.map(\.pointer).filter { lacking.contains($0.oid) }, into: store, progress: SilentProgress())
        var plan = Plan()
        let absent = Set(try store.lacking(lacking))
        var missing: [PointerFile] = []
        for file in pointers where lacking.contains(file.pointer.oid) {
            if absent.contains(file.pointer.oid) { missing.append(file) } else { plan.files.append(file) }
        }
        if let first = missing.first, try data.configuration.bool("mldata.allowIncompletePush") != true {
            throw MLError(
                .missingObject,
                "content of '\(first.path)'\(missing.count > 1 ? " and \(missing.count - 1) more" : "") "
                    + "(\(first.pointer.oid.short)) is neither here nor on \(remote.name)",
                hints: [
                    "fetch it from where it is with 'git mldata fetch', or restore the file and run 'git mldata add'",
                    "to push without it: git config mldata.allowIncompletePush true",
                ])
        }
        return plan
    }

    /// Uploads what a plan names.
    public func upload(
        _ plan: Plan, to remote: any ContentRemote, progress: any ProgressReporter
    ) throws -> ContentTransfer {
        try remote.push(
            plan.files.map(\.pointer), from: data.openStore(),
            temporary: Files.temporaryName(beside: data.storeDirectory + "/tmp/x"), progress: progress)
    }

    /// What came of bringing a copy up to date.
    public struct Copy: Sendable {
        public var store: String
        /// Nil when the copy could not be brought up to date.
        public var plan: Plan?
        public var transfer = ContentTransfer()
        public var failure: MLError?
    }

    /// Brings the copies (`mldata.remote.NAME.mirror`) up to date; one that fails does not keep the others from it.
    ///
    /// A file that is only on the primary store is brought from there first.
    public func updateCopies(
        _ pointers: [PointerFile], of primary: RemoteSetting?, gitRemote: String?, dryRun: Bool = false,
        progress: any ProgressReporter
    ) throws -> [Copy] {
        try data.mirrors(of: primary).map { mirror in
            do {
                let remote = try data.open(mirror, gitRemote: gitRemote)
                let lacking = Set(try remote.lacking(pointers.map(\.pointer)))
                let files = pointers.filter { lacking.contains($0.pointer.oid) }
                if dryRun { return Copy(store: mirror.name, plan: Plan(files: files)) }
                _ = try Downloader(data).fetch(files.map(\.pointer), gitRemote: gitRemote, progress: progress)
                let plan = try self.plan(files, remote)
                return Copy(
                    store: mirror.name, plan: plan, transfer: try upload(plan, to: remote, progress: progress))
            } catch let error as MLError {
                return Copy(store: mirror.name, plan: nil, failure: error)
            }
        }
    }
}
