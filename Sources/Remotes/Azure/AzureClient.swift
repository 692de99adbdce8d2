import Base

/// Requests to one container of Azure's Blob service.
final class AzureClient: Sendable {
    let account: AzureAccount
    let container: String
    /// Ends with a slash unless it is empty.
    let prefix: String
    private let options: HTTPOptions
    private static let version = "2021-08-06"

    init(account: AzureAccount, container: String, prefix: String, settings: StorageSettings) throws {
        self.account = account
        self.container = container
        self.prefix = prefix
        options = try settings.httpOptions(for: account.endpoint)
    }

    /// For messages, and different for different places.
    var name: String {
        let isUsual = account.endpoint.hasSuffix("://\(account.name).blob.core.windows.net")
        return "azure://\(account.name)/\(container)/\(prefix)".withoutSlash
            + (isUsual ? "" : " at \(URLText.withoutCredentials(account.endpoint))")
    }

    /// Sends a request, again where that makes sense.
    ///
    /// - Parameters:
    ///   - key: below the prefix; nil for the container itself.
    ///   - query: before its encoding.
    /// - Returns: an answer of any status.
    func send(
        _ method: String, _ key: String?, _ query: [(String, String)] = [],
        headers: [(name: String, value: String)] = [], body: HTTPBody = .none
    ) throws -> HTTPRequest.Answer {
        func send() throws -> HTTPRequest.Answer {
            try PatientRequest(alsoPassing: AzureClient.isPassing).send {
                try request(method, key, query, headers, body)
            }
        }
        let answer = try send()
        guard answer.status == 401, case .token(let token) = account.proof else { return answer }
        token.forget()
        return try send()
    }

    /// A body that changed on its way.
    private static func isPassing(_ answer: HTTPRequest.Answer) -> Bool {
        answer.status == 400 && answer.headers["x-ms-error-code"] == "Md5Mismatch"
    }

    private func request(
        _ method: String, _ key: String?, _ query: [(String, String)], _ extra: [(name: String, value: String)],
        _ body: HTTPBody
    ) throws -> HTTPRequest {
        let origin = URLText.origin(account.endpoint)
        let blob = key.map { "/" + PercentEncoding.encode(prefix + $0, keeping: "/") } ?? ""
        let path = account.endpoint.dropFirst(origin.count) + "/" + container + blob
        var text = SigV4.query(query)
        if case .signature(let signature) = account.proof { text += (text.isEmpty ? "" : "&") + signature }
        var request = HTTPRequest(method: method, url: origin + path + (text.isEmpty ? "" : "?" + text))
        var length: Int64 = 0
        switch body {
        case .none: if method == "PUT" { request.body = [] }
        case .bytes(let bytes): (request.body, length) = (bytes, Int64(bytes.count))
        case .file(let file, let range):
            (request.stream, length) = (HTTPStream(file, range), range.upperBound - range.lowerBound)
        }
        var headers =
            extra + [
                (name: "x-ms-date", value: Timestamp.now().httpDate),
                (name: "x-ms-version", value: AzureClient.version),
            ]
        switch account.proof {
        case .key(let secret):
            let signature = AzureSignature(account: account.name, key: secret).authorization(
                method: method, path: String(path), query: query, headers: headers, length: length)
            headers.append((name: "Authorization", value: signature))
        case .token(let token): headers.append((name: "Authorization", value: "Bearer " + (try token.current())))
        case .signature, .none: break
        }
        request.headers = headers.map { "\($0.name): \($0.value)" }
        request.usesNetrc = false
        request.followsRedirects = false
        request.options = options
        return request
    }

    /// - Throws: an error with hints when the status is another than expected.
    func require(_ answer: HTTPRequest.Answer, _ expected: Set<Int>, _ verb: String) throws {
        if expected.contains(answer.status) { return }
        let document = try? XMLElement(parsing: answer.body)
        let code = answer.headers["x-ms-error-code"] ?? document?["Code"]?.text ?? ""
        let words = document?["Message"]?.text.split(whereSeparator: \.isNewline).first ?? ""
        let said = words.isEmpty ? "" : ": \(words)"
        let place = "the credentials come from \(account.source)"
        switch (code, answer.status) {
        case ("ContainerNotFound", _), ("ContainerBeingDeleted", _), ("ContainerDisabled", _):
            throw MLError(
                .notFound, "container '\(container)' does not exist in account '\(account.name)'",
                hint:
                    "create it ('az storage container create --name \(container)'), or mend the URL with 'git mldata remote set'"
            )
        case ("AuthenticationFailed", _), ("InvalidAuthenticationInfo", _), ("NoAuthenticationInformation", _),
            (_, 401):
            throw MLError(
                .failed, "cannot talk to \(name): the key, signature or token is not taken\(said)",
                hints: [place, "has the signature expired? is the clock right? is it this account's key?"])
        case (_, 403):
            throw MLError(
                .failed, "access denied: \(name) does not let you \(verb)\(said)",
                hints: [place, "needed: the role 'Storage Blob Data Contributor', or a signature with 'racwdl'"])
        case (_, 404): throw MLError(.notFound, "\(name): cannot \(verb): it is not there")
        default:
            throw MLError(
                .io, "\(name) answered \(answer.status)\(code.isEmpty ? "" : " \(code)"): cannot \(verb)\(said)")
        }
    }
}
