import Base
import CCurl
import GitKit
import Glibc
import ObjectStore

/// Speaks to a Git LFS server: credentials, retries, waits, errors (git-lfs: docs/api).
final class LFSClient: Sendable {
    let endpoint: LFSEndpoint
    let patience: LFSPatience
    private let access: LFSAccess
    private let credentials: LFSCredentials

    /// - Parameter asks: whether the user may be asked for a password.
    init(_ endpoint: LFSEndpoint, git: GitCommand, asks: Bool, patience: LFSPatience) {
        self.endpoint = endpoint
        self.patience = patience
        access = LFSAccess(endpoint, git: git)
        credentials = LFSCredentials(git: git, asks: asks)
    }

    var name: String { endpoint.name }

    /// One call of the API; an answer of any status but 401, 429 and 5xx is returned.
    ///
    /// - Parameter path: below the API's address, with a slash in front.
    func call(_ method: String, _ path: String, _ body: JSON? = nil, for operation: LFSOperation) throws
        -> HTTPRequest.Answer
    {
        let address = try access.address(operation)
        var headers = ["Accept: \(LFSMessages.mediaType)"] + address.headers
        if body != nil { headers.append("Content-Type: \(LFSMessages.mediaType)") }
        return try exchange("the request '\(method) \(path.prefix { $0 != "?" })'") {
            HTTPRequest(
                method: method, url: address.url + path, headers: headers, body: body.map { Array($0.compact().utf8) })
        }
    }

    /// Asks what to do for up to 100 objects.
    func batch(_ operation: LFSOperation, _ files: [Pointer]) throws -> [ObjectID: LFSObject] {
        let answer = try call("POST", "/objects/batch", LFSMessages.request(operation, files, ref: nil), for: operation)
        // giftless answers so when it has none of the objects; without that word the repository itself is unknown.
        if operation == .download, answer.status == 404, LFSFailure.words(answer).contains("object") {
            return Dictionary(uniqueKeysWithValues: files.map { ($0.oid, .missing) })
        }
        guard answer.status == 200 else {
            throw LFSFailure.error(
                answer.status, LFSFailure.words(answer), subject: "\(operation.rawValue)s", server: name)
        }
        guard let json = try? JSON(parsing: answer.body) else {
            throw MLError(
                .invalidInput, "the answer of \(name) is no JSON",
                hint: "is the address right? it usually ends in '/info/lfs'")
        }
        return try LFSMessages.objects(json, asked: files, server: name)
    }

    /// What a request for an action carries: the server's own headers, and those SSH gave us when the action leads to the
    /// same host and brings no authorization of its own.
    func headers(for action: LFSAction, _ isAuthenticated: Bool, _ operation: LFSOperation) throws -> [String] {
        let address = try access.address(operation)
        let isOurs = LFSCredentials.origin(address.url) == LFSCredentials.origin(action.href)
        return action.headers + (isOurs && !isAuthenticated && !action.hasAuthorization ? address.headers : [])
    }

    /// Sends a request until there is an answer that trying again would not change.
    ///
    /// - Parameters:
    ///   - subject: what is asked for, in messages.
    ///   - addsCredentials: false for a request that is complete as the server made it.
    ///   - progress: grows whenever a try moved something: then counting begins anew.
    ///   - make: makes the request for each try, so that a body starts again and a range goes on.
    func exchange(
        _ subject: String, addsCredentials: Bool = true, progress: () -> Int64 = { 0 }, make: () throws -> HTTPRequest
    ) throws -> HTTPRequest.Answer {
        var tried = 0
        var asked = 0
        var reached = progress()
        while true {
            var request = try make()
            var added: HTTPLogin?
            let isComplete =
                !addsCredentials || request.headers.contains { $0.lowercased().hasPrefix("authorization:") }
            if isComplete {
                request.usesNetrc = false
            } else if let login = credentials.login(for: request.url) {
                login.add(to: &request)
                added = login
            }
            let outcome = try request.perform()
            if progress() > reached {
                reached = progress()
                tried = 0
            }
            tried += 1
            var wait = min(patience.first * Double(1 << min(tried - 1, 16)), patience.longest)
            switch outcome {
            case .failure(let code, let error):
                guard LFSClient.mayPass(code), tried < patience.tries else {
                    throw MLError(
                        error.code, error.message, hint: "check the address, the network and the server, then try again"
                    )
                }
            case .answer(let answer) where answer.status == 401 && !isComplete:
                let challenge = answer.headers["lfs-authenticate"] ?? answer.headers["www-authenticate"]
                asked += 1
                guard asked <= 3 else {
                    throw LFSFailure.error(401, LFSFailure.words(answer), subject: subject, server: name)
                }
                try credentials.renew(for: request.url, user: user, refused: added, challenge: challenge)
                tried = 0
                continue
            case .answer(let answer) where answer.status == 429 || LFSClient.mayPass(answer.status):
                let told = answer.headers["retry-after"].flatMap { Double($0) }
                guard tried < patience.tries, told ?? 0 <= patience.obedience else {
                    throw LFSFailure.error(answer.status, LFSFailure.words(answer), subject: subject, server: name)
                }
                wait = told ?? wait
            case .answer(let answer):
                if (200..<300).contains(answer.status) { credentials.approve(request.url, added) }
                return answer
            }
            // Others wait as long; a little jitter keeps them from coming back all at once.
            usleep(UInt32(wait * Double.random(in: 1...1.1) * 1e6))
        }
    }

    private var user: String? { if case .http(_, let user) = endpoint { user } else { nil } }

    /// Whether a status may be another one the next time.
    private static func mayPass(_ status: Int) -> Bool { [500, 502, 503, 504].contains(status) }

    /// Whether a failed connection may work the next time: not when the address or the certificate is wrong.
    private static func mayPass(_ code: CURLcode) -> Bool {
        [
            CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_SEND_ERROR,
            CURLE_RECV_ERROR, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_SEND_FAIL_REWIND, CURLE_SSL_CONNECT_ERROR,
        ].contains(code)
    }
}
