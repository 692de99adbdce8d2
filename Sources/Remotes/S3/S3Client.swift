import Base

/// Signed requests to one bucket, tried again as often as makes sense.
package final class S3Client: @unchecked Sendable {
    /// Nil asks without a signature.
    private let credentials: (any S3Keys)?
    private let options: HTTPOptions
    /// What goes with each request whatever it is for.
    private let always: [(name: String, value: String)]
    private let mutex = Mutex()
    private var current: S3Address
    /// Seconds by which the server's clock is ahead of ours.
    private var clockOffset: Int64 = 0

    /// A bucket of Amazon S3 or of what is compatible with it.
    package convenience init(url: String, settings: StorageSettings) throws {
        let profiles = AWSProfiles(environment: settings.environment)
        let address = try S3Address(url: url, settings: settings, profiles: profiles)
        try self.init(
            address: address, settings: settings,
            keys: AWSCredentialChain(settings: settings, profiles: profiles, region: address.region))
    }

    /// - Parameter keys: not used when `anonymous` is set.
    init(address: S3Address, settings: StorageSettings, keys: any S3Keys) throws {
        current = address
        always =
            settings.bool("requesterPays") == true
            ? [(name: address.dialect.header + "request-payer", value: "requester")] : []
        credentials = settings.bool("anonymous") == true ? nil : keys
        var options = try settings.httpOptions(for: current.base())
        if settings["caFile"] == nil, let bundle = settings.environment["AWS_CA_BUNDLE"], !bundle.isEmpty {
            options.caFile = bundle
        }
        self.options = options
    }

    package var address: S3Address { mutex.withLock { current } }

    /// Sends a request; follows the bucket to its region, corrects the clock and renews credentials where that helps.
    ///
    /// - Parameters:
    ///   - key: below the prefix; nil for the bucket itself.
    ///   - digest: the body's, where it is known.
    /// - Returns: an answer of any status.
    package func send(
        _ method: String, _ key: String?, query: [(String, String)] = [], headers: [(name: String, value: String)] = [],
        body: HTTPBody = .none, digest: ObjectID? = nil
    ) throws -> HTTPRequest.Answer {
        let digest = try digest ?? body.digest()
        var mended: Set<String> = []
        while true {
            var used: AWSCredentials?
            let answer = try PatientRequest(alsoPassing: S3Failure.isPassing).send {
                used = try credentials?.current()
                return request(method, key, query, headers, body, digest, used)
            }
            guard answer.status >= 300, answer.status != 404, answer.status != 412 else { return answer }
            let failure = S3Failure(answer)
            if let region = failure.region, region != address.region, mended.insert("region").inserted {
                Trace.note("the bucket is in region \(region)")
                mutex.withLock { current.region = region }
            } else if ["RequestTimeTooSkewed", "RequestInTheFuture"].contains(failure.code),
                let date = answer.headers["date"].flatMap({ Timestamp(httpDate: $0) }), mended.insert("clock").inserted
            {
                mutex.withLock { clockOffset = date.seconds - Timestamp.now().seconds }
                Trace.note("the server's clock is \(date.seconds - Timestamp.now().seconds) s ahead")
            } else if ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "SecurityTokenExpired"]
                .contains(failure.code), let used,
                credentials?.renew(used) == true, mended.insert("token").inserted
            {
                Trace.note("credentials have expired")
            } else {
                return answer
            }
        }
    }

    private func request(
        _ method: String, _ key: String?, _ query: [(String, String)], _ extra: [(name: String, value: String)],
        _ body: HTTPBody, _ digest: ObjectID, _ credentials: AWSCredentials?
    ) -> HTTPRequest {
        let (address, offset) = mutex.withLock { (current, clockOffset) }
        let base = address.base()
        let origin = URLText.origin(base)
        let path =
            base.dropFirst(origin.count) + "/"
            + (key.map { PercentEncoding.encode(address.prefix + $0, keeping: "/") } ?? "")
        let dialect = address.dialect
        let text = SigV4.query(query, dialect: dialect.signature)
        var request = HTTPRequest(method: method, url: origin + path + (text.isEmpty ? "" : "?" + text))
        switch body {
        case .none: if method == "PUT" || method == "POST" { request.body = [] }
        case .bytes(let bytes): request.body = bytes
        case .file(let file, let range): request.stream = HTTPStream(file, range)
        }
        var headers = extra + always
        if let credentials {
            let now = Timestamp(seconds: Timestamp.now().seconds + offset)
            let payload = dialect.signsPayload ? digest.hex : "UNSIGNED-PAYLOAD"
            headers += [
                (name: dialect.header + "content-sha256", value: payload),
                (name: dialect.header + "date", value: now.basicFormat),
            ]
            if dialect.signature.isExplicit { headers.append((name: "Host", value: URLText.host(base))) }
            if let token = credentials.token {
                headers.append((name: dialect.header + "security-token", value: token))
            }
            let signer = SigV4(
                keyID: credentials.keyID, secret: credentials.secret, region: address.region, service: dialect.service,
                dialect: dialect.signature)
            // Aliyun signs the bucket even where it stands in the host's name.
            let signed =
                dialect.signature.isExplicit || address.isPathStyle ? String(path) : "/" + address.bucket + path
            let signature = signer.authorization(
                method: method, path: signed, query: text, headers: headers, payload: payload, time: now)
            headers.append((name: "Authorization", value: signature))
        }
        request.headers = headers.map { "\($0.name): \($0.value)" }
        request.usesNetrc = false
        request.followsRedirects = false
        request.options = options
        return request
    }

    /// The error for an answer. After HEAD, which has no words, the bucket is asked what is wrong.
    package func error(_ answer: HTTPRequest.Answer, _ verb: String) -> MLError {
        var failure = S3Failure(answer)
        if failure.code.isEmpty, [400, 403, 301].contains(failure.status),
            let other = try? send(
                "GET", nil, query: [("list-type", "2"), ("max-keys", "1"), ("prefix", address.prefix)]),
            other.status >= 300
        {
            failure = S3Failure(other)
        }
        return failure.error(verb, address, credentials: (try? credentials?.current())?.source)
    }

    /// - Throws: an error with hints when the status is another than expected.
    package func require(_ answer: HTTPRequest.Answer, _ expected: Set<Int>, _ verb: String) throws {
        if !expected.contains(answer.status) { throw error(answer, verb) }
    }
}
