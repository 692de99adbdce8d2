import Base
import GitKit

/// Requests to one server with the credentials that git would use there.
final class HTTPAccess: Sendable {
    private let url: String
    private let credentials: LFSCredentials
    private let seen = Seen()

    init(url: String, git: GitCommand?) {
        self.url = url
        credentials = LFSCredentials(git: git ?? GitCommand(), asks: true)
    }

    /// Does something the first time only that a thing of this name comes up.
    func once(_ name: String, _ body: () throws -> Void) throws { try seen.once(name, body) }

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
        for _ in 0..<3 {
            let header = credentials.header(for: url)
            let answer = try PatientRequest().send {
                var request = try make()
                if let header { request.headers.append(header) }
                request.usesNetrc = header == nil
                return request
            }
            guard answer.status == 401 else {
                if header != nil, answer.status != 403 { credentials.approve(url, header: header) }
                return answer
            }
            do {
                try credentials.renew(
                    for: url, user: nil, refused: header, challenge: answer.headers["www-authenticate"])
            } catch let error as MLError where error.code == .failed {
                Trace.note("no credentials for \(url): \(error)")
                return answer
            }
        }
        throw MLError(.failed, "\(url) refuses these credentials", hint: "check your name and password")
    }
}
