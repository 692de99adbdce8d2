import Base

/// Where a bucket is: `s3://bucket/prefix` and the options beside it.
package struct S3Address: Sendable {
    package var bucket: String
    /// Ends with a slash unless it is empty.
    package var prefix: String
    /// Set by somebody; nil for the service's own, which depends on the region.
    package var endpoint: String?
    package var dialect: S3Dialect
    package var region: String
    /// Whether the bucket stands in the path and not in the host's name.
    package var isPathStyle: Bool

    /// - Parameter settings: `endpoint`, `region`, `pathStyle`; otherwise AWS's variables and files count, as for its tools.
    package init(url: String, settings: StorageSettings, profiles: AWSProfiles) throws {
        dialect = .amazon
        (bucket, prefix) = try S3Address.parts(url, dialect)
        let environment = settings.environment
        let profile = AWSCredentialChain.profile(settings)
        let values = profiles[profile] ?? [:]
        region =
            settings["region"] ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? values["region"]
            ?? "us-east-1"
        let isIgnored =
            environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true"
            || values["ignore_configured_endpoint_urls"]?.lowercased() == "true"
        let configured =
            environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
            ?? profiles.endpoint(profile, service: "s3")
        endpoint = (settings["endpoint"] ?? (isIgnored ? nil : configured))?.withoutSlash
        try S3Address.check(endpoint)
        let style = values["s3.addressing_style"]
        // Certificates of Amazon's hosts do not cover a bucket with dots; other servers rarely know buckets as hosts.
        isPathStyle =
            settings.bool("pathStyle")
            ?? (style == "path" || style != "virtual" && (endpoint != nil || bucket.contains(".")))
    }

    init(
        dialect: S3Dialect, bucket: String, prefix: String, endpoint: String?, region: String, isPathStyle: Bool
    ) {
        self.dialect = dialect
        self.bucket = bucket
        self.prefix = prefix
        self.endpoint = endpoint
        self.region = region
        self.isPathStyle = isPathStyle
    }

    /// The bucket and the prefix, which ends with a slash unless it is empty.
    static func parts(_ url: String, _ dialect: S3Dialect) throws -> (bucket: String, prefix: String) {
        let parts = url.dropFirst(dialect.scheme.count + 3).split(separator: "/", omittingEmptySubsequences: false)
        let bucket = String(parts.first ?? "")
        let isPlain = bucket.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) }
        guard isPlain, bucket.count > 1, !parts.contains("."), !parts.contains("..") else {
            throw MLError(
                .invalidInput, "'\(URLText.withoutCredentials(url))' names no bucket",
                hint: "write \(dialect.scheme)://bucket/prefix")
        }
        let rest = parts.dropFirst().filter { !$0.isEmpty }
        return (bucket, rest.isEmpty ? "" : rest.joined(separator: "/") + "/")
    }

    static func check(_ endpoint: String?) throws {
        if let endpoint, !endpoint.hasPrefix("http://"), !endpoint.hasPrefix("https://") {
            throw MLError(
                .invalidInput, "endpoint '\(URLText.withoutCredentials(endpoint))' is no address",
                hint: "write https://host or http://host:port")
        }
    }

    /// `scheme://host[:port][/path]` below which keys are.
    package func base() -> String {
        let address: String
        switch dialect.scheme {
        case "oss": address = endpoint ?? "https://oss-\(region).aliyuncs.com"
        default:
            address =
                endpoint ?? "https://s3.\(region).\(region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com")"
        }
        if isPathStyle { return address + "/" + bucket }
        guard let scheme = address.firstRange(of: "://") else { return address }
        return address[..<scheme.upperBound] + bucket + "." + address[scheme.upperBound...]
    }

    /// For messages, and different for different places.
    package var name: String {
        "\(dialect.scheme)://\(bucket)/\(prefix)".withoutSlash
            + (endpoint.map { " at \(URLText.withoutCredentials($0))" } ?? "")
    }
}
