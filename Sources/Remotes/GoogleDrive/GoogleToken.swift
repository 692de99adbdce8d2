import Base
import Glibc

/// Access tokens for Google's APIs, from a service account, from what `gcloud auth application-default login` left, or from the
/// metadata server of the machine.
///
/// Looked for in the setting `credentialFile`, in `GOOGLE_APPLICATION_CREDENTIALS`, in gcloud's own folder and at the metadata
/// server, which is the order of Google's "application default credentials". There is no built-in application to log in with:
/// Google blocks those of other people's tools.
final class GoogleToken: @unchecked Sendable {
    private let file: String
    /// Nil without a file: then the metadata server is asked.
    private let account: JSON?
    private let scope: String
    private let environment: [String: String]
    /// Instead of the address in the file, for tests against a stand-in.
    private let tokenAddress: String?
    private let mutex = Mutex()
    private var known: (token: String, expires: Double)?

    /// - Throws: `MLError(.invalidInput)` for a file that holds something else.
    init(scope: String, settings: StorageSettings, tokenAddress: String? = nil) throws {
        self.scope = scope
        self.tokenAddress = tokenAddress
        environment = settings.environment
        let folder = environment["CLOUDSDK_CONFIG"] ?? (environment["HOME"] ?? "") + "/.config/gcloud"
        let usual = [
            environment["GOOGLE_APPLICATION_CREDENTIALS"] ?? "", folder + "/application_default_credentials.json",
        ]
        guard let path = try settings.path("credentialFile") ?? usual.first(where: { !$0.isEmpty && Files.exists($0) })
        else {
            (file, account) = ("the metadata server", nil)
            return
        }
        guard let document = try? JSON(parsing: Files.read(path)) else {
            throw MLError(.invalidInput, "'\(path)' is no JSON file with credentials")
        }
        (file, account) = (path, document)
    }

    /// The token of the account this machine runs under (Compute Engine: "Metadata server").
    private func askMachine() throws -> HTTPRequest.Answer {
        let none = MLError(
            .failed, "there are no credentials for Google",
            hints: [
                "a service account's key: 'git mldata remote set NAME credentialFile FILE'",
                "or your own: 'gcloud auth application-default login --scopes=\(scope)'",
            ])
        guard environment["NO_GCE_CHECK"]?.lowercased() != "true" else { throw none }
        let host = environment["GCE_METADATA_HOST"] ?? "metadata.google.internal"
        var request = HTTPRequest(
            method: "GET",
            url: "http://\(host)/computeMetadata/v1/instance/service-accounts/default/token?scopes="
                + PercentEncoding.encode(scope), headers: ["Metadata-Flavor: Google"])
        request.usesNetrc = false
        request.followsRedirects = false
        request.options = HTTPOptions(connectSeconds: 2, stallSeconds: 5, isDirect: true)
        guard case .answer(let answer)? = try? request.perform(), answer.status == 200 else { throw none }
        return answer
    }

    /// Drops a token that is refused.
    func forget() { mutex.withLock { known = nil } }

    /// A token that is good for another minute at least.
    func current() throws -> String {
        try mutex.withLock {
            if let known, known.expires > monotonicSeconds() + 60 { return known.token }
            let answer = try ask()
            guard answer.status == 200, let document = try? JSON(parsing: answer.body),
                let token = document["access_token"]?.stringValue
            else {
                let words = (try? JSON(parsing: answer.body))?["error_description"]?.stringValue ?? "\(answer.status)"
                throw MLError(
                    .failed, "Google takes no token request with '\(file)': \(words)", hint: "is the key still valid?")
            }
            known = (token, monotonicSeconds() + Double(document["expires_in"]?.intValue ?? 3600))
            return token
        }
    }

    private func ask() throws -> HTTPRequest.Answer {
        guard let account else { return try askMachine() }
        let address = tokenAddress ?? account["token_uri"]?.stringValue ?? "https://oauth2.googleapis.com/token"
        let form: [(String, String)]
        switch account["type"]?.stringValue {
        case "service_account":
            form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", try assertion(address)),
            ]
        case "authorized_user":
            form = try [
                ("grant_type", "refresh_token"), ("client_id", field("client_id")),
                ("client_secret", field("client_secret")), ("refresh_token", field("refresh_token")),
            ]
        default:
            throw MLError(
                .invalidInput, "'\(file)' holds no service account and no user's credentials",
                hint: "its 'type' must be 'service_account' or 'authorized_user'")
        }
        let body = form.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        return try PatientRequest().send {
            var request = HTTPRequest(
                method: "POST", url: address, headers: ["Content-Type: application/x-www-form-urlencoded"],
                body: Array(body.utf8))
            request.usesNetrc = false
            return request
        }
    }

    private func field(_ name: String) throws -> String {
        guard let value = account?[name]?.stringValue else {
            throw MLError(.invalidInput, "'\(file)' has no '\(name)'")
        }
        return value
    }

    /// A JSON web token signed with RS256 (RFC 7515, 7519; Google: "OAuth 2.0 for server to server applications").
    private func assertion(_ audience: String) throws -> String {
        let now = Timestamp.now().seconds
        let header: JSON = ["alg": "RS256", "typ": "JWT"]
        let claims: JSON = [
            "iss": .string(try field("client_email")), "scope": .string(scope), "aud": .string(audience),
            "iat": .integer(now), "exp": .integer(now + 3600),
        ]
        let signed = [header, claims].map { GoogleToken.base64URL(Array($0.compact().utf8)) }.joined(separator: ".")
        return signed + "." + GoogleToken.base64URL(try GoogleToken.sign(signed, key: field("private_key")))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, by the openssl program: the key goes through a pipe, only the text to sign, which is
    /// no secret, through a file.
    private static func sign(_ text: String, key: String) throws -> [UInt8] {
        let script = """
            file=$(mktemp) && trap 'rm -f "$file"' EXIT && printf %s "$1" > "$file" &&
            openssl dgst -sha256 -sign /dev/stdin "$file"
            """
        let answer = try Subprocess(["/bin/sh", "-c", script, "git-mldata", text], input: Array(key.utf8)).run()
        guard answer.status == 0, !answer.output.isEmpty else {
            throw MLError(
                .failed, "cannot sign with the service account's key",
                hint: "the program 'openssl' is needed; is 'private_key' complete?")
        }
        return answer.output
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        String(Base64.encode(bytes).compactMap { $0 == "=" ? nil : $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }
}
