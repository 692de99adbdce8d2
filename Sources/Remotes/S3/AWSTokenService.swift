import Base

/// AWS's Security Token Service: temporary credentials for a role.
///
/// Source: AWS STS API Reference, "AssumeRole" and "AssumeRoleWithWebIdentity".
struct AWSTokenService {
    var region: String
    /// Instead of `https://sts.REGION.amazonaws.com`.
    var endpoint: String?

    /// Proves who asks by a token of an identity provider.
    func assume(role: String, session: String?, webIdentity: String, source: String) throws -> AWSCredentials {
        try ask(
            [
                ("Action", "AssumeRoleWithWebIdentity"), ("RoleArn", role), ("WebIdentityToken", webIdentity),
                ("RoleSessionName", session ?? "git-ml"),
            ], nil, source)
    }

    /// Proves who asks by other credentials.
    func assume(
        role: String, session: String?, externalID: String?, seconds: String?, with base: AWSCredentials, source: String
    ) throws -> AWSCredentials {
        var form = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", session ?? "git-ml")]
        if let externalID { form.append(("ExternalId", externalID)) }
        if let seconds { form.append(("DurationSeconds", seconds)) }
        return try ask(form, base, source)
    }

    private func ask(_ form: [(String, String)], _ base: AWSCredentials?, _ source: String) throws -> AWSCredentials {
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let address = (endpoint ?? "https://sts.\(region).\(domain)").withoutSlash
        let body = Array(SigV4.query(form + [("Version", "2011-06-15")]).utf8)
        let type = "application/x-www-form-urlencoded; charset=utf-8"
        let answer = try PatientRequest().send {
            var request = HTTPRequest(
                method: "POST", url: address + "/", headers: ["Content-Type: \(type)"], body: body)
            request.usesNetrc = false
            request.followsRedirects = false
            if let base {
                let now = Timestamp.now()
                var headers = [
                    (name: "Host", value: URLText.host(address)), (name: "X-Amz-Date", value: now.basicFormat),
                    (name: "Content-Type", value: type),
                ]
                if let token = base.token { headers.append((name: "X-Amz-Security-Token", value: token)) }
                let signer = SigV4(keyID: base.keyID, secret: base.secret, region: region, service: "sts")
                let signature = signer.authorization(
                    method: "POST", path: "/", query: "", headers: headers, payload: ObjectID.of(body).hex, time: now)
                request.headers = headers.map { "\($0.name): \($0.value)" } + ["Authorization: \(signature)"]
            }
            return request
        }
        let document = try? XMLElement(parsing: answer.body)
        if answer.status == 200,
            let element = document?.children.first(where: { $0.name.hasSuffix("Result") })?["Credentials"],
            let found = AWSCredentials(xml: element, source: source)
        {
            return found
        }
        let error = document?["Error"]
        throw MLError(
            .failed,
            "\(source): the token service refuses (\(error?["Code"]?.text ?? "\(answer.status)"))"
                + (error?["Message"].map { ": \($0.text)" } ?? ""),
            hint: "may these credentials take on that role? its trust policy says who may")
    }
}
