/// URLs as they may be shown.
public enum URLText {
    /// The URL without what stands before `@`, and without the values of parameters that give access; any other text as it is.
    public static func withoutCredentials(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return text }
        let rest = text[scheme.upperBound...]
        let host = rest.prefix { $0 != "/" }
        guard let at = host.lastIndex(of: "@") else { return withoutSignatures(text) }
        return withoutSignatures(String(text[..<scheme.upperBound] + rest[rest.index(after: at)...]))
    }

    /// Parameters whose value is as good as a password: signed URLs of Amazon, Google, Azure and Aliyun.
    private static let secrets: Set<String> = [
        "sig", "signature", "x-amz-signature", "x-amz-security-token", "x-amz-credential", "x-goog-signature",
        "x-goog-credential", "x-oss-signature", "security-token", "token", "access_token", "upload_id",
    ]

    private static func withoutSignatures(_ text: String) -> String {
        guard let start = text.firstIndex(of: "?") else { return text }
        let items = text[text.index(after: start)...].split(separator: "&", omittingEmptySubsequences: false)
        let shown = items.map { item in
            let name = item.prefix { $0 != "=" }
            return secrets.contains(name.lowercased()) ? "\(name)=…" : String(item)
        }
        return text[...start] + shown.joined(separator: "&")
    }
}

extension URLText {
    /// `host` or `host:port`, as the header `Host` has it.
    public static func host(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return "" }
        let host = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return String(host.lastIndex(of: "@").map { host[host.index(after: $0)...] } ?? host)
    }

    /// `scheme://host:port`: what credentials belong to.
    public static func origin(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        return url[..<scheme.upperBound].lowercased() + host(url).lowercased()
    }
}

extension String {
    /// Without slashes at the end.
    public var withoutSlash: String {
        var text = self
        while text.count > 1 && text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

extension URLText {
    /// Whether a URL carries `user:password@`.
    public static func hasPassword(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://") else { return false }
        let host = text[scheme.upperBound...].prefix { $0 != "/" }
        guard let at = host.lastIndex(of: "@") else { return false }
        return host[..<at].contains(":")
    }
}
