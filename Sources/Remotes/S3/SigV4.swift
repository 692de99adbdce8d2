import Base

/// Signature Version 4 of AWS, and the same scheme under the names others gave it.
///
/// Source: AWS General Reference, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating requests".
/// libcurl can sign too, but takes paths and queries as they are written, which differs between its versions.
package struct SigV4: Sendable {
    /// What stands in the header and in the chain of keys.
    package struct Dialect: Sendable {
        var algorithm: String
        var keyPrefix: String
        var terminator: String

        /// Whether the names of signed headers are listed, and a name without value keeps its `=`.
        var isExplicit: Bool

        package static let aws = Dialect(
            algorithm: "AWS4-HMAC-SHA256", keyPrefix: "AWS4", terminator: "aws4_request", isExplicit: true)
        /// Aliyun's OSS: `content-type`, `content-md5` and `x-oss-*` are signed and not listed (OSS API: "V4 signature").
        package static let aliyun = Dialect(
            algorithm: "OSS4-HMAC-SHA256", keyPrefix: "aliyun_v4", terminator: "aliyun_v4_request", isExplicit: false)
    }

    package var keyID: String
    package var secret: String
    package var region: String
    package var service: String
    package var dialect: Dialect

    package init(keyID: String, secret: String, region: String, service: String, dialect: Dialect = .aws) {
        self.keyID = keyID
        self.secret = secret
        self.region = region
        self.service = service
        self.dialect = dialect
    }

    /// The value of `Authorization`.
    ///
    /// - Parameters:
    ///   - path: percent-encoded, with the slash at its beginning.
    ///   - query: as `SigV4.query` spells it.
    ///   - headers: all that are signed, `host` among them; names in any case.
    ///   - payload: the body's SHA-256 in hexadecimal, or `UNSIGNED-PAYLOAD`.
    package func authorization(
        method: String, path: String, query: String, headers: [(name: String, value: String)], payload: String,
        time: Timestamp
    ) -> String {
        let sorted = headers.map { ($0.name.lowercased(), SigV4.trimmed($0.value)) }.sorted { $0.0 < $1.0 }
            .filter { dialect.isExplicit || $0.0.hasPrefix("x-oss-") || $0.0.hasPrefix("content-") }
        let names = dialect.isExplicit ? sorted.map(\.0).joined(separator: ";") : ""
        let canonical =
            [method, path, query] + sorted.map { "\($0.0):\($0.1)" } + ["", names, payload]
        let moment = time.basicFormat
        let scope = "\(moment.prefix(8))/\(region)/\(service)/\(dialect.terminator)"
        let digest = ObjectID.of(canonical.joined(separator: "\n")).hex
        let text = [dialect.algorithm, moment, scope, digest].joined(separator: "\n")
        var key = Array((dialect.keyPrefix + secret).utf8)
        for part in scope.split(separator: "/") { key = HMAC.sha256(String(part), key: key) }
        let signature = Hex.encode(HMAC.sha256(text, key: key))
        let listed = dialect.isExplicit ? " SignedHeaders=\(names)," : ""
        return "\(dialect.algorithm) Credential=\(keyID)/\(scope),\(listed) Signature=\(signature)"
    }

    /// A query in the one spelling that is signed: sorted by the bytes of encoded names and values, `name=` without a value.
    package static func query(_ items: [(String, String)], dialect: Dialect = .aws) -> String {
        items.map { (PercentEncoding.encode($0.0), PercentEncoding.encode($0.1)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { $0.1.isEmpty && !dialect.isExplicit ? $0.0 : "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// Without spaces around it, and one space for several inside.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
}
