import Base
import Dispatch

/// Who may ask, and how often.
public struct RequestGuard: Sendable {
    /// Who has one of the tokens is let in; nil lets everybody in.
    public var tokens: TokenList?
    public var rate: RateLimit?
    /// The origin of pages that may ask from a browser, or `*`.
    public var origin: String?
    /// Whether the client's address is the last one of `X-Forwarded-For`: behind a proxy that sets it, and only there.
    public var trustsForwarded = false

    public init() {}

    /// A request with its client's own address.
    func identified(_ request: ServedRequest) -> ServedRequest {
        guard trustsForwarded, let last = request.header("x-forwarded-for")?.split(separator: ",").last else {
            return request
        }
        var out = request
        out.client = String(last.filter { !$0.isWhitespace }.prefix(64))
        return out
    }

    /// Headers of every answer.
    var headers: [(name: String, value: String)] {
        guard let origin else { return [] }
        return [
            ("access-control-allow-origin", origin), ("access-control-expose-headers", "x-request-id, x-model-version"),
            ("vary", "origin"),
        ]
    }

    /// The answer to a request that is not let in, or that is a browser's question before one; nil for all others.
    func refusal(of request: ServedRequest) -> ServedReply? {
        if request.method == "OPTIONS" {
            guard origin != nil else { return ServedReply.error(405, "use GET or POST").with(("allow", "GET, POST")) }
            return ServedReply(
                204, "text/plain",
                headers: [
                    ("access-control-allow-methods", "GET, POST"),
                    ("access-control-allow-headers", "authorization, content-type, x-request-id, traceparent"),
                    ("access-control-max-age", "600"),
                ])
        }
        if let tokens {
            guard let header = request.header("authorization"), header.lowercased().hasPrefix("bearer "),
                tokens.holds(String(header.dropFirst("bearer ".count)))
            else {
                return ServedReply.error(401, "a token is needed").with(("www-authenticate", "Bearer"))
            }
        }
        if let rate, let wait = rate.wait(for: request.client) {
            return ServedReply.error(429, "too many requests").with(("retry-after", String(wait)))
        }
        return nil
    }

    static func words(_ status: Int) -> String {
        switch status {
        case 400: "the request is malformed"
        case 408: "the request came too slowly"
        case 413: "the body is too large"
        case 431: "the headers are too large"
        case 503: "there are too many connections"
        case 504: "the model took too long"
        default: "the request was refused"
        }
    }
}

/// Bearer tokens, of which only hashes are kept: a line `sha256:HEX NAME` each.
public struct TokenList: Sendable {
    private var hashes: [[UInt8]] = []

    /// - Throws: `MLError(.invalidInput)` naming a line that is none.
    public init(parsing text: String, name: String) throws {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let word = line.split(separator: " ").first ?? ""
            if word.isEmpty || word.hasPrefix("#") { continue }
            guard word.hasPrefix("sha256:"), let id = ObjectID(hex: String(word.dropFirst("sha256:".count))) else {
                throw MLError(
                    .invalidInput, "'\(name)' line \(number + 1) is no 'sha256:HEX NAME'",
                    hint: "make one with 'git mlrun serve --new-token NAME --token-file \(name)'")
            }
            hashes.append(Array(id.hex.utf8))
        }
        guard !hashes.isEmpty else { throw MLError(.invalidInput, "'\(name)' holds no tokens") }
    }

    /// A new token, and the line that lets its owner in.
    public static func make(name: String) -> (token: String, line: String) {
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<4).map { _ in
            let part = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - part.count) + part
        }.joined()
        let token = "gitml_" + digits
        return (token, "sha256:\(ObjectID.of(Array(token.utf8)).hex) \(name)\n")
    }

    /// Takes the same time whether a token is nearly right or not at all.
    func holds(_ token: String) -> Bool {
        let given = Array(ObjectID.of(Array(token.utf8)).hex.utf8)
        var found = false
        for hash in hashes {
            let difference = zip(hash, given).reduce(0) { $0 | ($1.0 ^ $1.1) }
            found = found || difference == 0
        }
        return found
    }
}

/// A number of requests a second for each client, saved up for at most one second (a token bucket).
public final class RateLimit: Sendable {
    private struct Bucket {
        var tokens: Double
        var time: UInt64
    }

    private final class Buckets: @unchecked Sendable { var byClient: [String: Bucket] = [:] }

    private let perSecond: Double
    private let mutex = Mutex()
    private let buckets = Buckets()

    /// - Parameter perSecond: above 0.
    public init(perSecond: Double) { self.perSecond = perSecond }

    /// Seconds to wait when it is too early; nil lets the request through.
    func wait(for client: String, now: UInt64 = DispatchTime.now().uptimeNanoseconds) -> Int? {
        mutex.withLock {
            let most = max(1, perSecond)
            // Clients that have not asked for long have full buckets, which need not be kept.
            if buckets.byClient.count > 10_000 {
                buckets.byClient = buckets.byClient.filter { now - min(now, $0.value.time) < 1_000_000_000 }
            }
            var bucket = buckets.byClient[client] ?? Bucket(tokens: most, time: now)
            bucket.tokens = min(most, bucket.tokens + Double(now - min(now, bucket.time)) / 1e9 * perSecond)
            bucket.time = now
            defer { buckets.byClient[client] = bucket }
            guard bucket.tokens < 1 else {
                bucket.tokens -= 1
                return nil
            }
            return max(1, Int(((1 - bucket.tokens) / perSecond).rounded(.up)))
        }
    }
}
