import Base
import GitKit

/// Requests to one server with the credentials that git would use there.
final class HTTPAccess: Sendable {
    private let url: String
    private let credentials: LFSCredentials
    private let seen = Seen()
    /// Whether the server has asked for Digest. A lock of its own: requests are sent while `seen` is held.
    private let digest = Flag()

    init(url: String, git: GitCommand?) {
        self.url = url
        credentials = LFSCredentials(git: git ?? GitCommand(), asks: true)
    }

    /// Does something the first time only that a thing of this name comes up.
    func once(_ name: String, _ body: () throws -> Void) throws { try seen.once(name, body) }

    private final class Flag: @unchecked Sendable {
        private let mutex = Mutex()
        private var value = false
        var isSet: Bool { mutex.withLock { value } }
        func set() { mutex.withLock { value = true } }
    }

    private final class Seen: @unchecked Sendable {
        private let mutex = Mutex()
        private var names: Set<String> = []

        func once(_ name: String, _ body: () throws -> Void) throws {
            // Others wait, since they need it done.
            try mutex.withLock {
                if names.contains(name) { return }
                try body()
                names.insert(name)
            }
        }
    }

    /// Sends a request; asks `git credential` when the server wants to know who asks.
    ///
    /// - Returns: an answer of any status; 401 when there are no (other) credentials.
    func send(_ make: () throws -> HTTPRequest) throws -> HTTPRequest.Answer {
        for _ in 0..<4 {
            let login = credentials.login(for: url)
            let wantsDigest = login == nil && digest.isSet
            let answer = try PatientRequest().send {
                var request = try make()
                if let login { login.add(to: &request) } else if wantsDigest { request.digest = .init() }
                return request
            }
            guard answer.status == 401 else {
                if login != nil, answer.status != 403 { credentials.approve(url, login) }
                return answer
            }
            let challenge = answer.headers["www-authenticate"]
            // netrc may know, but libcurl offers that as `Basic` unless it is told.
            if login == nil, !wantsDigest, HTTPLogin.kinds(challenge).contains("digest") {
                digest.set()
                continue
            }
            do {
                try credentials.renew(for: url, user: nil, refused: login, challenge: challenge)
            } catch let error as MLError where error.code == .failed {
                Trace.note("no credentials for \(url): \(error)")
                return answer
            }
        }
        throw MLError(.failed, "\(url) refuses these credentials", hint: "check your name and password")
    }
}
