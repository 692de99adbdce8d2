import Base

/// Access tokens of Microsoft Entra for Azure's storage: of a service principal, of a managed identity, or of `az login`.
package final class AzureToken: @unchecked Sendable {
    private enum Way {
        /// The address to ask and the form to send.
        case form(String, [(String, String)])
        case machine(String, [String])
        case program
    }

    private let way: Way
    let source: String
    private let mutex = Mutex()
    private var known: (token: String, expires: Double)?

    private init(_ way: Way, _ source: String) {
        self.way = way
        self.source = source
    }

    private static let resource = "https://storage.azure.com/"

    /// The way that the environment names; nil when there is none.
    static func find(_ environment: [String: String]) throws -> AzureToken? {
        let authority = (environment["AZURE_AUTHORITY_HOST"] ?? "https://login.microsoftonline.com").withoutSlash
        if let tenant = environment["AZURE_TENANT_ID"], let client = environment["AZURE_CLIENT_ID"] {
            let address = "\(authority)/\(tenant)/oauth2/v2.0/token"
            var form = [("client_id", client), ("scope", resource + ".default"), ("grant_type", "client_credentials")]
            if let secret = environment["AZURE_CLIENT_SECRET"] {
                form.append(("client_secret", secret))
                return AzureToken(.form(address, form), "the service principal in the environment")
            }
            if let file = environment["AZURE_FEDERATED_TOKEN_FILE"] {
                form.append(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
                form.append(("client_assertion", try Files.readText(file).trimmed))
                return AzureToken(.form(address, form), "the workload identity in the environment")
            }
        }
        let identity = environment["AZURE_CLIENT_ID"].map { "&client_id=" + PercentEncoding.encode($0) } ?? ""
        let query = "?resource=" + PercentEncoding.encode(resource) + identity
        if let address = environment["IDENTITY_ENDPOINT"], let header = environment["IDENTITY_HEADER"] {
            return AzureToken(
                .machine(address + query + "&api-version=2019-08-01", ["X-IDENTITY-HEADER: " + header]),
                "the managed identity")
        }
        if let host = environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] {
            return AzureToken(
                .machine(
                    host.withoutSlash + "/metadata/identity/oauth2/token" + query + "&api-version=2018-02-01",
                    ["Metadata: true"]),
                "the managed identity")
        }
        guard try Subprocess(["/bin/sh", "-c", "command -v az"], input: []).run().status == 0 else { return nil }
        return AzureToken(.program, "'az login'")
    }

    /// A token that is good for another minute at least.
    func current() throws -> String {
        try mutex.withLock {
            if let known, known.expires > monotonicSeconds() + 60 { return known.token }
            let document = try ask()
            guard let token = (document["access_token"] ?? document["accessToken"])?.stringValue else {
                let words =
                    document["error_description"]?.stringValue?.split(whereSeparator: \.isNewline).first ?? "no token"
                throw MLError(
                    .failed, "Azure takes no token request of \(source): \(words)", hint: "sign in again: 'az login'")
            }
            // The metadata service spells the number as text.
            let seconds =
                document["expires_in"]?.doubleValue ?? document["expires_in"]?.stringValue.flatMap { Double($0) }
            known = (token, monotonicSeconds() + (seconds ?? 300))
            return token
        }
    }

    /// Drops a token that is refused.
    func forget() { mutex.withLock { known = nil } }

    private func ask() throws -> JSON {
        let answer: [UInt8]
        switch way {
        case .form(let address, let form):
            answer = try PatientRequest().send {
                var request = HTTPRequest(
                    method: "POST", url: address, headers: ["Content-Type: application/x-www-form-urlencoded"],
                    body: Array(SigV4.query(form).utf8))
                request.usesNetrc = false
                request.followsRedirects = false
                return request
            }.body
        case .machine(let address, let headers):
            answer = try PatientRequest(tries: 3).send {
                var request = HTTPRequest(method: "GET", url: address, headers: headers)
                request.usesNetrc = false
                request.followsRedirects = false
                request.options = HTTPOptions(connectSeconds: 2, isDirect: true)
                return request
            }.body
        case .program:
            answer = try Subprocess(
                ["az", "account", "get-access-token", "--resource", AzureToken.resource, "--output", "json"], input: []
            ).run().output
        }
        return (try? JSON(parsing: answer)) ?? .null
    }
}
