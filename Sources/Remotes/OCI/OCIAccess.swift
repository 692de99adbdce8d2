import Base

/// Requests to one repository of a registry, with the token or password it asks for
/// (distribution specification; docker's "token authentication").
final class OCIAccess: @unchecked Sendable {
    let base: String
    let registry: String
    let repository: String
    private let mutex = Mutex()
    private var authorization: String?

    init(registry: String, repository: String) {
        self.registry = registry
        self.repository = repository
        // As docker: a registry on this machine may do without TLS.
        let host = registry.prefix { $0 != ":" }
        let isLocal = host == "localhost" || host == "127.0.0.1" || registry.hasPrefix("[::1]")
        base = (isLocal ? "http://" : "https://") + registry
    }

    var name: String { "oci://\(registry)/\(repository)" }

    /// Sends a request; when the registry asks who we are, once more with an answer to that.
    ///
    /// - Parameter make: the request, without `Authorization`.
    func send(_ make: () throws -> HTTPRequest) throws -> HTTPRequest.Answer {
        try send(PatientRequest(), make)
    }

    /// As `send`, with a patience of the caller's.
    func send(_ patience: PatientRequest, _ make: () throws -> HTTPRequest) throws -> HTTPRequest.Answer {
        let answer = try attempt(patience, make)
        guard answer.status == 401, let challenge = answer.headers["www-authenticate"] else { return answer }
        let fresh = try answerTo(challenge)
        mutex.withLock { authorization = fresh }
        return try attempt(patience, make)
    }

    private func attempt(_ patience: PatientRequest, _ make: () throws -> HTTPRequest) throws -> HTTPRequest.Answer {
        let known = mutex.withLock { authorization }
        return try patience.send {
            var request = try make()
            if let known { request.headers.append("Authorization: " + known) }
            request.usesNetrc = false
            return request
        }
    }

    private func answerTo(_ challenge: String) throws -> String {
        let credentials = try OCICredentials.find(registry: registry)
        let basic = credentials.map { "Basic " + Base64.encode(Array($0.utf8)) }
        guard challenge.lowercased().hasPrefix("bearer ") else {
            guard let basic else { throw refused("it asks for a password and none is known") }
            return basic
        }
        let fields = OCIAccess.parameters(challenge)
        guard let realm = fields["realm"],
            realm.hasPrefix("https://") || realm.hasPrefix(base) || base.hasPrefix("http:")
        else { throw MLError(.invalidInput, "\(name) names no place to get a token from") }
        let scope = fields["scope"] ?? "repository:\(repository):pull,push"
        // Asked for at once, so that the first upload needs no second token.
        let wide = scope.hasPrefix("repository:\(repository):") ? "repository:\(repository):pull,push,delete" : scope
        var query = realm + (realm.contains("?") ? "&" : "?") + "scope=" + PercentEncoding.encode(wide)
        if let service = fields["service"] { query += "&service=" + PercentEncoding.encode(service) }
        let answer = try PatientRequest().send {
            var request = HTTPRequest(method: "GET", url: query)
            if let basic { request.headers.append("Authorization: " + basic) }
            request.usesNetrc = false
            return request
        }
        guard answer.status == 200, let document = try? JSON(parsing: answer.body),
            let token = document["token"]?.stringValue ?? document["access_token"]?.stringValue
        else { throw refused("no token (\(answer.status))") }
        return "Bearer " + token
    }

    func address(_ path: String) -> String { "\(base)/v2/\(repository)/\(path)" }

    /// - Throws: what an answer means that has none of the expected statuses.
    func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ verb: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        let words = (try? JSON(parsing: answer.body))?["errors"]?.arrayValue?.first?["message"]?.stringValue ?? ""
        let said = words.isEmpty ? "" : ": \(words)"
        switch answer.status {
        case 401, 403: throw refused("cannot \(verb) '\(key)' (\(answer.status))\(said)")
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'\(said)")
        default: throw MLError(.io, "\(name) answered \(answer.status) to: \(verb) '\(key)'\(said)")
        }
    }

    func refused(_ what: String) -> MLError {
        MLError(
            .failed, "\(name) refuses: \(what)",
            hint: "log in: 'docker login \(registry)' or 'skopeo login \(registry)'")
    }

    /// The parameters of a challenge (RFC 9110, section 11.4).
    static func parameters(_ challenge: String) -> [String: String] {
        var found: [String: String] = [:]
        var rest = challenge.drop { $0 != " " }.dropFirst()
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].filter { $0 != " " && $0 != "," }.lowercased()
            rest = rest[rest.index(after: equals)...]
            if rest.first == "\"" {
                rest = rest.dropFirst()
                found[key] = String(rest.prefix { $0 != "\"" })
                rest = rest.drop { $0 != "\"" }.dropFirst()
            } else {
                found[key] = String(rest.prefix { $0 != "," })
                rest = rest.drop { $0 != "," }
            }
        }
        return found
    }
}
