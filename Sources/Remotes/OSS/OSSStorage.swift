import Base

/// A bucket of Aliyun's Object Storage Service: S3's protocol in other words, signed with OSS's signature version 4.
///
/// Source: OSS API Reference, "Include a V4 signature".
public enum OSSStorage {
    /// Opens a bucket.
    ///
    /// - Parameters:
    ///   - url: `oss://bucket/prefix`.
    ///   - settings: `endpoint`, `region`, `profile`, `credentialFile`, `anonymous`, `encryption`, `storageClass`.
    ///   - partLength: files longer than this go in parts; at least 100 KiB.
    /// - Throws: `MLError(.failed)` without credentials, `MLError(.invalidInput)` when nothing says the region.
    public static func open(
        url: String, settings: StorageSettings = StorageSettings(), partLength: Int64 = 64 << 20
    ) throws -> S3Storage {
        let (bucket, prefix) = try S3Address.parts(url, .aliyun)
        let keys = try OSSKeys(settings)
        var endpoint = try settings.ownEndpoint() ?? keys.endpoint?.withoutSlash
        if let given = endpoint, !given.contains("://") { endpoint = "https://" + given }
        try S3Address.check(endpoint)
        guard let region = settings["region"] ?? keys.region ?? endpoint.flatMap(region(of:)) else {
            throw MLError(
                .invalidInput, "nothing says in which region bucket '\(bucket)' is",
                hint: "'git mldata remote set NAME region cn-hangzhou', for example")
        }
        let host = endpoint.map { URLText.host($0).prefix { $0 != ":" } } ?? ""
        // A bucket cannot stand before a number.
        let isNumber = host.hasPrefix("[") || host.allSatisfy { $0.isNumber || $0 == "." } && !host.isEmpty
        let address = S3Address(
            dialect: .aliyun, bucket: bucket, prefix: prefix, endpoint: endpoint,
            region: region.hasPrefix("oss-") ? String(region.dropFirst(4)) : region,
            isPathStyle: settings.bool("pathStyle") ?? (isNumber || host == "localhost"))
        return S3Storage(try S3Client(address: address, settings: settings, keys: keys), settings, partLength)
    }

    /// `oss-cn-hangzhou.aliyuncs.com`, `oss-cn-hangzhou-internal.aliyuncs.com`.
    private static func region(of endpoint: String) -> String? {
        let host = URLText.host(endpoint)
        guard host.hasPrefix("oss-"), host.contains(".aliyuncs.com") else { return nil }
        let name = host.dropFirst(4).prefix { $0 != "." }
        return String(name.hasSuffix("-internal") ? name.dropLast(9) : name)
    }
}
