import Base

/// Where a folder in HDFS is and who asks for it.
public struct WebHDFSAddress: Hashable, Sendable {
    /// `http(s)://host:port` of the NameNode or of a gateway.
    public var server: String
    public var user: String?
    /// Absolute, without a slash at the end.
    public var path: String

    /// The NameNode's port for HTTP and for HTTPS since Hadoop 3.
    private static let ports = (http: "9870", https: "9871")
    /// The NameNode's usual ports for its own protocol, which we do not speak.
    private static let native: Set<String> = ["8020", "9000", ""]

    /// Reads `webhdfs://[user@]host[:port]/path`, `swebhdfs://…` (HTTPS), and `hdfs://…`, whose port is that of another
    /// protocol: there the HTTP port is the usual one unless `endpoint` names it.
    ///
    /// - Parameter endpoint: `http(s)://host:port`, for a gateway or another port.
    /// - Throws: `MLError(.invalidInput)`.
    public init(_ url: String, endpoint: String? = nil) throws {
        let shown = URLText.withoutCredentials(url)
        guard let scheme = url.firstRange(of: "://"), !URLText.hasPassword(url) else {
            throw MLError(
                .invalidInput, "'\(shown)' is no address in HDFS, or has a password in it",
                hint: "write webhdfs://[user@]host:port/path")
        }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        path = String(rest.dropFirst(authority.count))
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        user = authority.lastIndex(of: "@").map { String(authority[..<$0]) }
        let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        let colon = place.hasSuffix("]") ? nil : place.lastIndex(of: ":")
        let host = colon.map { String(place[..<$0]) } ?? String(place)
        var port = colon.map { String(place[place.index(after: $0)...]) } ?? ""
        let isSecure = url.hasPrefix("swebhdfs://")
        if port.isEmpty || (url.hasPrefix("hdfs://") && WebHDFSAddress.native.contains(port)) {
            port = isSecure ? WebHDFSAddress.ports.https : WebHDFSAddress.ports.http
        }
        server = endpoint ?? "\(isSecure ? "https" : "http")://\(host):\(port)"
        while server.hasSuffix("/") { server.removeLast() }
        let parts = path.split(separator: "/")
        guard !host.isEmpty, port.allSatisfy(\.isNumber), !parts.isEmpty, !parts.contains("..") else {
            throw MLError(
                .invalidInput, "'\(shown)' names no folder in HDFS", hint: "write webhdfs://host:port/path")
        }
        guard server.hasPrefix("http://") || server.hasPrefix("https://") else {
            throw MLError(.invalidInput, "'\(server)' is no http(s) address")
        }
    }
}
