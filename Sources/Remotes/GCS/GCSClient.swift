import Base

/// Requests to Google Cloud Storage, with a token.
final class GCSClient: Sendable {
    let name: String
    private let bucket: String
    private let base: String
    /// Nil asks without one.
    private let token: GoogleToken?
    private let options: HTTPOptions
    private let project: String?

    init(name: String, bucket: String, settings: StorageSettings) throws {
        self.bucket = bucket
        let emulator = settings.environment["STORAGE_EMULATOR_HOST"].map { $0.contains("://") ? $0 : "http://" + $0 }
        let given = try settings.ownEndpoint() ?? emulator?.withoutSlash
        base = given ?? "https://storage.googleapis.com"
        self.name = name + (given.map { " at \(URLText.withoutCredentials($0))" } ?? "")
        // As for Google's own libraries an emulator named by the environment is asked without credentials.
        let isEmulator = settings["endpoint"] == nil && emulator != nil
        token =
            settings.bool("anonymous") ?? isEmulator
            ? nil
            : try GoogleToken(scope: "https://www.googleapis.com/auth/devstorage.read_write", settings: settings)
        options = try settings.httpOptions(for: base)
        project = settings["project"]
    }

    /// The path of an object.
    func object(_ object: String) -> String { "/storage/v1/b/\(bucket)/o/\(PercentEncoding.encode(object))" }

    /// The path uploads begin at.
    var uploads: String { "/upload/storage/v1/b/\(bucket)/o" }

    /// Sends a request, again where that makes sense.
    ///
    /// - Parameter path: below the service's address, or a whole address it gave.
    func send(
        _ method: String, _ path: String, _ query: [(String, String)] = [], headers: [String] = [], body: [UInt8]? = nil
    ) throws -> HTTPRequest.Answer {
        let answer = try PatientRequest().send { try request(method, path, query, headers, body) }
        guard answer.status == 401, let token else { return answer }
        token.forget()
        return try PatientRequest().send { try request(method, path, query, headers, body) }
    }

    func request(
        _ method: String, _ path: String, _ query: [(String, String)] = [], _ headers: [String] = [],
        _ body: [UInt8]? = nil
    ) throws -> HTTPRequest {
        var query = query
        let isWhole = !path.hasPrefix("/")
        if let project, !isWhole { query.append(("userProject", project)) }
        let text = SigV4.query(query)
        var request = HTTPRequest(
            method: method, url: (isWhole ? path : base + path) + (text.isEmpty ? "" : "?" + text), headers: headers,
            body: body)
        // The address of an upload comes from the service; a token goes to the service alone.
        if let token, !isWhole || URLText.origin(path) == URLText.origin(base) {
            request.headers.append("Authorization: Bearer " + (try token.current()))
        }
        request.usesNetrc = false
        request.options = options
        return request
    }

    /// - Throws: an error with hints when the status is another than expected.
    func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ verb: String) throws {
        if expected.contains(answer.status) { return }
        let error = (try? JSON(parsing: answer.body))?["error"]
        let words = error?["message"]?.stringValue ?? ""
        let said = words.isEmpty ? "" : ": \(words)"
        switch answer.status {
        case 401:
            throw MLError(
                .failed, "cannot talk to \(name): the token is not taken\(said)",
                hint: "sign in again ('gcloud auth application-default login'), or set 'credentialFile'")
        case 403:
            throw MLError(
                .failed, "access denied: \(name) does not let you \(verb)\(said)",
                hint: "needed: the role 'Storage Object User' (roles/storage.objectUser) on the bucket")
        case 404 where words.contains("bucket") || verb.hasPrefix("list") || verb.hasPrefix("write"):
            throw MLError(
                .notFound, "bucket '\(bucket)' does not exist",
                hint:
                    "create it ('gcloud storage buckets create gs://\(bucket)'), or mend the URL with 'git mldata remote set'"
            )
        case 404: throw MLError(.notFound, "\(name): cannot \(verb): it is not there")
        default: throw MLError(.io, "\(name) answered \(answer.status): cannot \(verb)\(said)")
        }
    }
}
