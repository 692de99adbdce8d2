import Base
import GitKit

/// A lock on a file, as the server keeps it.
public struct LFSLock: Hashable, Sendable {
    public var id: String
    /// From the top of the repository.
    public var path: String
    /// Who holds it; nil when the server does not say.
    public var owner: String?
    /// When it was taken, in RFC 3339 as the server spells it.
    public var lockedAt: String

    init?(_ json: JSON?) {
        guard let json, let id = json["id"]?.stringValue, let path = json["path"]?.stringValue else { return nil }
        self.id = id
        self.path = path
        owner = json["owner"]?["name"]?.stringValue
        lockedAt = json["locked_at"]?.stringValue ?? ""
    }
}

/// The lock API of a Git LFS server (git-lfs: docs/api/locking.md).
public struct LFSLocks: Sendable {
    /// Locks by whose they are.
    public struct Verified: Sendable {
        public var ours: [LFSLock] = []
        public var theirs: [LFSLock] = []
    }

    private let client: LFSClient
    private let ref: String?

    /// - Parameter ref: the full name of the branch in question; a server may keep locks by branch.
    public init(_ endpoint: LFSEndpoint, git: GitCommand, ref: String?, asks: Bool = true) {
        client = LFSClient(endpoint, git: git, asks: asks, patience: LFSPatience(tries: 3))
        self.ref = ref
    }

    public var name: String { client.name }

    /// Locks as the server lists them.
    ///
    /// - Parameters:
    ///   - path: only those on this path.
    ///   - id: only the one of this id.
    /// - Throws: `MLError(.failed)` when the server offers no locks.
    public func list(path: String? = nil, id: String? = nil) throws -> [LFSLock] {
        var found: [LFSLock] = []
        try paged { cursor in
            let query = [("path", path), ("id", id), ("cursor", cursor), ("refspec", ref)].compactMap { name, value in
                value.map { "\(name)=\(LFSLocks.percentEncoded($0))" }
            }
            let suffix = query.isEmpty ? "" : "?" + query.joined(separator: "&")
            let json = try require(try client.call("GET", "/locks" + suffix, for: .download), "the list of locks")
            found += (json["locks"]?.arrayValue ?? []).compactMap { LFSLock($0) }
            return json
        }
        return found
    }

    /// All locks, told apart by whose they are; nil when the server offers no locks.
    public func verify() throws -> Verified? {
        var found = Verified()
        var isOffered = true
        try paged { cursor in
            var body = reference()
            if let cursor { body["cursor"] = .string(cursor) }
            let answer = try client.call("POST", "/locks/verify", .object(body), for: .upload)
            if LFSLocks.meansAbsent(answer.status) {
                isOffered = false
                return .null
            }
            let json = try require(answer, "the check of locks")
            found.ours += (json["ours"]?.arrayValue ?? []).compactMap { LFSLock($0) }
            found.theirs += (json["theirs"]?.arrayValue ?? []).compactMap { LFSLock($0) }
            return json
        }
        return isOffered ? found : nil
    }

    /// Takes a lock.
    ///
    /// - Throws: `MLError(.negative)` when somebody has it already.
    public func lock(_ path: String) throws -> LFSLock {
        var body = reference()
        body["path"] = .string(path)
        let answer = try client.call("POST", "/locks", .object(body), for: .upload)
        if answer.status == 409 {
            let held = (try? JSON(parsing: answer.body)).flatMap { LFSLock($0["lock"]) }
            throw MLError(
                .negative, "'\(path)' is locked already" + (held?.owner.map { " by \($0)" } ?? ""),
                hint: held.map { "lock \($0.id), taken \($0.lockedAt)" } ?? "'git mldata locks' shows all locks")
        }
        guard let lock = LFSLock(try require(answer, "the lock on '\(path)'")["lock"]) else { throw unreadable() }
        return lock
    }

    /// Gives a lock back.
    ///
    /// - Parameter force: also somebody else's, where the server lets us.
    /// - Throws: `MLError(.negative)` when it is somebody else's.
    public func unlock(_ lock: String, force: Bool) throws -> LFSLock? {
        var body = reference()
        body["force"] = .bool(force)
        let answer = try client.call(
            "POST", "/locks/\(LFSLocks.percentEncoded(lock))/unlock", .object(body), for: .upload)
        if answer.status == 403 {
            throw MLError(
                .negative, "lock \(lock) is not yours: \(LFSFailure.words(answer))",
                hint: force ? "the server lets only some users break locks" : "--force breaks somebody else's lock")
        }
        if answer.status == 404 {
            throw MLError(
                .negative, "there is no lock '\(lock)' on \(name)", hint: "'git mldata locks' shows all locks")
        }
        return LFSLock(try require(answer, "the release of lock \(lock)")["lock"])
    }

    private func paged(_ page: (String?) throws -> JSON) throws {
        var cursor: String?
        repeat {
            let next = try page(cursor)["next_cursor"]?.stringValue
            // A server that repeats itself must not keep us for ever.
            cursor = next == cursor || next?.isEmpty == true ? nil : next
        } while cursor != nil
    }

    private func reference() -> JSONObject { ref.map { ["ref": ["name": .string($0)]] } ?? [:] }

    private func require(_ answer: HTTPRequest.Answer, _ subject: String) throws -> JSON {
        if LFSLocks.meansAbsent(answer.status) {
            throw MLError(
                .failed, "\(name) offers no file locks (\(answer.status))",
                hint: "locks need a Git LFS server with the lock API; name it with 'git config lfs.url URL'")
        }
        guard (200..<300).contains(answer.status) else {
            throw LFSFailure.error(answer.status, LFSFailure.words(answer), subject: subject, server: name)
        }
        guard let json = try? JSON(parsing: answer.body) else { throw unreadable() }
        return json
    }

    private func unreadable() -> MLError {
        MLError(.invalidInput, "the answer of \(name) is none of the Git LFS lock API")
    }

    private static func meansAbsent(_ status: Int) -> Bool { status == 404 || status == 405 || status == 501 }

    /// For a part of a URL: everything but the unreserved characters of RFC 3986 is encoded.
    static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}
