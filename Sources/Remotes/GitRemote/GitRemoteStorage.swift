import Base
import GitKit

/// The Git remote itself as storage: each key is a ref `refs/mldata/KEY` to a commit whose tree holds one blob, `data`.
///
/// A ref for each key means that two pushes never conflict; no branch, tag or work tree ever sees them, and every
/// Git host takes them. Objects pass through an object folder of their own, so that the user's repository does not
/// keep a second copy of what the store holds.
public final class GitRemoteStorage: Storage, @unchecked Sendable {
    private let remote: String
    private let git: GitCommand
    private let objects: String
    private let alternates: String
    private let mutex = Mutex()
    private var known: [String: GitID]?
    private var fetched: Set<String> = []
    /// Keys that will be asked for, in order.
    private var awaited: [String] = []
    /// What was read last: a pack is asked for in pieces, and Git gives whole blobs only.
    private var last: (key: String, bytes: [UInt8])?
    /// Keys fetched in one round trip: with packs of 32 MiB not much is lost when the line is cut.
    private static let batch = 4
    private static let tries = 3

    /// - Parameters:
    ///   - remote: a configured remote's name or a URL.
    ///   - temporary: a folder for passing objects; removed by `close()`.
    public init(remote: String, repository: Repository, temporary: String) {
        self.remote = remote
        git = repository.git
        objects = temporary
        alternates = repository.commonDirectory + "/objects"
    }

    public var name: String { "git remote '\(remote)'" }

    public func put(_ items: [StorageItem]) throws {
        let present = try refs()
        let missing = items.filter { present[$0.key] == nil }
        if missing.isEmpty { return }
        var specs: [String] = []
        for item in missing {
            let id = try commit(item.file)
            specs.append("\(id):refs/mldata/\(item.key)")
            mutex.withLock { known?[item.key] = GitID(id) }
        }
        try exchange(["-c", "core.bigFileThreshold=1m", "push", "--quiet", "--no-verify", remote] + specs)
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        guard let id = try refs()[key] else { throw MLError(.notFound, "\(name) has no '\(key)'") }
        let bytes = try content(of: key, id)
        guard let range else { return bytes }
        guard range.upperBound <= Int64(bytes.count) else {
            throw MLError(.corrupt, "'\(key)' of \(name) ends before byte \(range.upperBound)")
        }
        return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    public func size(of key: String) throws -> Int64? {
        try refs()[key] == nil ? nil : Int64(get(key, range: nil).count)
    }

    public func list(_ prefix: String) throws -> [String] { try refs().keys.filter { $0.hasPrefix(prefix) }.sorted() }

    public func delete(_ key: String) throws {
        guard try refs()[key] != nil else { return }
        try exchange(["push", "--quiet", "--no-verify", remote, ":refs/mldata/\(key)"])
        _ = mutex.withLock { known?.removeValue(forKey: key) }
    }

    /// Git asks one question after the other.
    public var usefulTransfers: Int { 1 }

    public func prepare(_ keys: [String]) throws {
        mutex.withLock { awaited = keys }
        // Indexes and lists are small: all in one round trip.
        if !keys.contains(where: { $0.hasSuffix(".pack") }) { try fetch(keys) }
    }

    private func content(of key: String, _ id: GitID) throws -> [UInt8] {
        if let last = mutex.withLock({ last }), last.key == key { return last.bytes }
        if !mutex.withLock({ fetched.contains(key) }) {
            let rest = mutex.withLock { awaited.drop { $0 != key }.prefix(GitRemoteStorage.batch) }
            try fetch(rest.isEmpty ? [key] : Array(rest))
        }
        let bytes = try transfer(["cat-file", "blob", "\(id.hex):data"]).output
        mutex.withLock { last = (key, bytes) }
        return bytes
    }

    private func fetch(_ keys: [String]) throws {
        let present = try refs()
        let wanted = mutex.withLock { keys.filter { present[$0] != nil && !fetched.contains($0) } }
        if wanted.isEmpty { return }
        // No refmap, no FETCH_HEAD: nothing of the user's repository changes. No filter: in a partial clone the
        // remote's filter would leave the very blob out.
        try exchange(
            [
                "-c", "fetch.unpackLimit=1", "-c", "fetch.negotiationAlgorithm=noop", "-c", "maintenance.auto=false",
                "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--no-filter",
                "--no-recurse-submodules", remote,
            ] + wanted.map { "refs/mldata/\($0)" })
        mutex.withLock { fetched.formUnion(wanted) }
    }

    public func close() { try? Files.remove(objects) }

    /// What the remote has now: one look a life, since each costs a round trip.
    private func refs() throws -> [String: GitID] {
        if let known = mutex.withLock({ known }) { return known }
        var found: [String: GitID] = [:]
        let prefix = "refs/mldata/"
        for line in try git.run(["ls-remote", remote, prefix + "*"]).text.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count == 2, fields[1].hasPrefix(prefix), let id = GitID(fields[0]) else { continue }
            found[String(fields[1].dropFirst(prefix.count))] = id
        }
        mutex.withLock { known = found }
        return found
    }

    /// A commit that depends on the content alone, so that a repeated upload is the same object.
    private func commit(_ file: String) throws -> String {
        let blob = try transfer(["hash-object", "-w", "--no-filters", "--", file]).text.dropLast()
        let tree = try transfer(["mktree"], input: Array("100644 blob \(blob)\tdata\n".utf8)).text.dropLast()
        var environment: [String: String?] = [:]
        for role in ["AUTHOR", "COMMITTER"] {
            environment["GIT_\(role)_NAME"] = "git-mldata"
            environment["GIT_\(role)_EMAIL"] = "git-mldata@localhost"
            environment["GIT_\(role)_DATE"] = "@0 +0000"
        }
        let text = try transfer(["commit-tree", "-m", "git-mldata", String(tree)], environment: environment)
        return String(text.text.dropLast())
    }

    /// Talks to the remote; once more when the line broke.
    private func exchange(_ arguments: [String]) throws {
        var backoff = Backoff()
        for attempt in 1... {
            do {
                try transfer(arguments)
                return
            } catch let error as MLError where attempt < GitRemoteStorage.tries && GitRemoteStorage.mayPass(error) {
                Trace.note("again (\(attempt)) after: \(error)")
                backoff.pause()
            }
        }
    }

    /// Whether the words are those git has for a line that broke, a server that is busy, or somebody who pushes the same
    /// key at this moment: a push of the same content then finds nothing to do.
    private static func mayPass(_ error: MLError) -> Bool {
        let words = [
            "early EOF", "hung up", "Connection reset", "timed out", "RPC failed", "error: 5", "error: 429",
            "unexpected disconnect", "cannot lock ref", "failed to update ref", "already exists", "incorrect old value",
            "fetch first", "stale info",
        ]
        return words.contains { error.message.firstRange(of: $0) != nil }
    }

    @discardableResult
    private func transfer(
        _ arguments: [String], input: [UInt8]? = nil, environment: [String: String?] = [:]
    ) throws -> Subprocess.Result {
        try Files.makeDirectories(objects + "/pack")
        let passing: [String: String?] = [
            "GIT_OBJECT_DIRECTORY": objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternates,
            // Inside a hook of a push that is under way these describe the outer push.
            "GIT_QUARANTINE_PATH": String?.none,
        ]
        return try git.run(
            ["-c", "core.compression=0"] + arguments, input: input, environment: environment.merging(passing) { $1 })
    }
}
