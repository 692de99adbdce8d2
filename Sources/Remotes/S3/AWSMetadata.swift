import Base

/// Credentials that a container's or a virtual machine's surroundings hand out.
struct AWSMetadata {
    private let environment: [String: String]

    init(_ environment: [String: String]) { self.environment = environment }

    /// The container provider (ECS, EKS Pod Identity); nil when nothing says that there is one.
    ///
    /// - Throws: `MLError(.failed)` when it is there and does not answer, or would be asked over an open network.
    func container() throws -> AWSCredentials? {
        let address: String
        if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            address = "http://169.254.170.2" + path
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            let host = URLText.host(full).prefix { $0 != ":" }
            let isLocal =
                host.hasPrefix("127.") || full.hasPrefix("http://[::1]") || host == "localhost"
                || ["169.254.170.2", "169.254.170.23"].contains(String(host))
                || full.hasPrefix("http://[fd00:ec2::23]")
            guard full.hasPrefix("https://") || isLocal else {
                throw MLError(.failed, "AWS_CONTAINER_CREDENTIALS_FULL_URI names a foreign host without encryption")
            }
            address = full
        } else {
            return nil
        }
        var headers: [String] = []
        if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            headers = ["Authorization: " + (try Files.readText(file)).filter { !$0.isNewline }]
        } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            headers = ["Authorization: " + token]
        }
        let answer = try PatientRequest(tries: 3).send { request("GET", address, headers, seconds: 5) }
        guard answer.status == 200, let json = try? JSON(parsing: answer.body),
            let found = AWSCredentials(json: json, source: "the container's credentials")
        else { throw MLError(.failed, "the container's credential service answered \(answer.status)") }
        return found
    }

    /// The instance metadata service, version 2: a token by PUT first. Nil when nothing answers within a second, which is how
    /// it looks from outside the cloud.
    func instance() -> AWSCredentials? {
        guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
        let usual =
            environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
            ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
        let base = (environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? usual).withoutSlash
        func ask(_ method: String, _ path: String, _ headers: [String]) -> [UInt8]? {
            guard case .answer(let answer)? = try? request(method, base + path, headers, seconds: 1).perform(),
                answer.status == 200
            else { return nil }
            return answer.body
        }
        guard
            let token = ask("PUT", "/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds: 21600"])
        else { return nil }
        let proof = ["X-aws-ec2-metadata-token: " + String(decoding: token, as: UTF8.self)]
        let path = "/latest/meta-data/iam/security-credentials/"
        guard let roles = ask("GET", path, proof),
            let role = String(decoding: roles, as: UTF8.self).split(whereSeparator: \.isNewline).first,
            let answer = ask("GET", path + PercentEncoding.encode(String(role)), proof),
            let json = try? JSON(parsing: answer)
        else { return nil }
        return AWSCredentials(json: json, source: "the instance's role '\(role)'")
    }

    private func request(_ method: String, _ url: String, _ headers: [String], seconds: Int) -> HTTPRequest {
        var request = HTTPRequest(method: method, url: url, headers: headers)
        request.usesNetrc = false
        request.followsRedirects = false
        request.options = HTTPOptions(connectSeconds: seconds, isDirect: true)
        return request
    }
}
