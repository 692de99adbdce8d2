import Base

/// What an S3 server says when it does not do what it is asked.
///
/// Source: Amazon S3 API Reference, "Error responses".
struct S3Failure {
    var status: Int
    /// Such as `NoSuchBucket`; empty when the answer has no body, as after HEAD.
    var code = ""
    var message = ""
    /// The region the bucket is in, where an answer names it.
    var region: String?

    init(_ answer: HTTPRequest.Answer) {
        status = answer.status
        region = answer.headers["x-amz-bucket-region"]
        guard let document = try? XMLElement(parsing: answer.body) else { return }
        // STS and some servers wrap the element.
        let error = document.name == "Error" ? document : document["Error"]
        code = error?["Code"]?.text ?? ""
        message = error?["Message"]?.text ?? ""
        region = region ?? error?["Region"]?.text
    }

    /// Failures of the moment that come with a status of their own.
    static func isPassing(_ answer: HTTPRequest.Answer) -> Bool {
        guard answer.status == 400 || answer.status == 409 || answer.status == 200 else { return false }
        // An answer 200 may still be an error after a long operation; contents never come here as XML of this name.
        guard answer.body.count < 4096, answer.body.starts(with: "<".utf8) else { return false }
        return [
            "RequestTimeout", "SlowDown", "InternalError", "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch",
            "XAmzContentChecksumMismatch", "IncompleteBody", "OperationAborted", "ConditionalRequestConflict",
        ].contains(S3Failure(answer).code)
    }

    /// Whether an object was not made because there is one.
    static func isPresent(_ answer: HTTPRequest.Answer) -> Bool {
        answer.status == 412
            || answer.status == 409
                && ["FileAlreadyExists", "ObjectAlreadyExists", "PreconditionFailed"].contains(S3Failure(answer).code)
    }

    /// An error for users.
    ///
    /// - Parameters:
    ///   - verb: what was tried, such as `read 'packs/x.pack'`.
    ///   - credentials: where the keys come from; nil for none.
    func error(_ verb: String, _ address: S3Address, credentials: String?) -> MLError {
        let name = address.name
        let said = message.isEmpty ? "" : ": \(message)"
        switch code {
        case "NoSuchBucket":
            return MLError(
                .notFound, "bucket '\(address.bucket)' does not exist" + (address.endpoint.map { " at \($0)" } ?? ""),
                hints: [
                    "create it ('\(address.dialect.creation)\(address.bucket)'), or mend the URL with 'git mldata remote set NAME url URL'",
                    "for another service: 'git mldata remote set NAME endpoint https://HOST'",
                ])
        case "NoSuchKey", "NoSuchUpload": return MLError(.notFound, "\(name): cannot \(verb): it is not there")
        case "SignatureDoesNotMatch":
            return MLError(
                .failed, "cannot talk to \(name): the secret key does not belong to the access key id",
                hint: "the keys come from \(credentials ?? "nowhere"); is the secret complete?")
        case "InvalidAccessKeyId", "InvalidToken", "InvalidClientTokenId", "InvalidSecurityToken":
            return MLError(
                .failed, "cannot talk to \(name): the server does not know these keys\(said)",
                hint: "the keys come from \(credentials ?? "nowhere"); are they for this service?")
        case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "SecurityTokenExpired":
            return MLError(
                .failed, "cannot talk to \(name): the session has expired",
                hint: "the keys come from \(credentials ?? "nowhere"); sign in again to get new ones")
        case "RequestTimeTooSkewed":
            return MLError(
                .failed, "cannot talk to \(name): this machine's clock differs too much from the server's",
                hint: "set the clock: 'timedatectl set-ntp true'")
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
            return MLError(
                .failed, "cannot talk to \(name): the bucket is in another region than '\(address.region)'",
                hint: "'git mldata remote set NAME region \(region ?? "REGION")'")
        case "QuotaExceeded", "EntityTooLarge", "StorageFull", "XMinioStorageFull", "InsufficientStorage":
            return MLError(.io, "\(name) has no room: cannot \(verb)\(said)")
        default: break
        }
        switch status {
        case 401, 403:
            return MLError(
                .failed, "access denied: \(name) does not let you \(verb)\(said)",
                hints: [
                    credentials.map { "the keys come from \($0)" } ?? "no keys were sent ('anonymous' is set)",
                    "needed: \(address.dialect.rights)",
                ])
        case 404: return MLError(.notFound, "\(name): cannot \(verb): it is not there")
        case 301, 302, 307, 308:
            return MLError(
                .failed, "cannot talk to \(name): the server sends elsewhere (\(status))",
                hint: "'git mldata remote set NAME endpoint URL' or 'region REGION'")
        default:
            return MLError(.io, "\(name) answered \(status)\(code.isEmpty ? "" : " \(code)"): cannot \(verb)\(said)")
        }
    }
}
