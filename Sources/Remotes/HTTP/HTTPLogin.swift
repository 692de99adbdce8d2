import Base

/// What proves to a server who asks.
enum HTTPLogin: Equatable, Sendable {
    /// A whole `Authorization` header.
    case header(String)
    /// A name and a password that never go over the line (RFC 7616); libcurl answers the challenge.
    case digest(user: String, password: String)

    /// - Parameter challenge: the server's `WWW-Authenticate`; nil when it did not say.
    /// - Returns: nil when it wants something that a name and a password are not good for.
    init?(user: String, password: String, challenge: String?, url: String) {
        let kinds = HTTPLogin.kinds(challenge)
        // Below TLS a password may as well be sent, which spares an exchange before each request.
        if kinds.contains("digest"), !kinds.contains("basic") || !url.hasPrefix("https:") {
            self = .digest(user: user, password: password)
        } else if kinds.isEmpty || kinds.contains("basic") {
            self = .header("Authorization: Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")
        } else {
            return nil
        }
    }

    /// The schemes among `basic` and `digest` that a challenge names, or the one it begins with (RFC 9110, section 11.6.1).
    static func kinds(_ challenge: String?) -> Set<String> {
        guard let challenge = challenge?.lowercased(), !challenge.isEmpty else { return [] }
        let words = challenge.split { " ,\t".contains($0) }.map(String.init)
        return Set(words.filter { ["basic", "digest"].contains($0) } + words.prefix(1))
    }

    func add(to request: inout HTTPRequest) {
        switch self {
        case .header(let header): request.headers.append(header)
        case .digest(let user, let password): request.digest = .init(user: user, password: password)
        }
        request.usesNetrc = false
    }
}
