import Base

/// Shared Key authorization of Azure's Blob service (version 2009-09-19 and later).
///
/// Source: Azure Storage REST API, "Authorize with Shared Key".
package struct AzureSignature: Sendable {
    package var account: String
    /// The account's key, decoded.
    package var key: [UInt8]

    package init(account: String, key: [UInt8]) {
        self.account = account
        self.key = key
    }

    /// The value of `Authorization`.
    ///
    /// - Parameters:
    ///   - path: of the URL, percent-encoded.
    ///   - query: names and values before their encoding.
    ///   - headers: those of the request; `x-ms-date` among them.
    ///   - length: the body's, in bytes.
    package func authorization(
        method: String, path: String, query: [(String, String)], headers: [(name: String, value: String)], length: Int64
    ) -> String {
        var values: [String: String] = [:]
        for header in headers { values[header.name.lowercased()] = header.value }
        let standard = [
            "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
            "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
        ].map { $0 == "content-length" ? (length > 0 ? String(length) : "") : values[$0] ?? "" }
        let own = values.filter { $0.key.hasPrefix("x-ms-") }.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
        let parameters = query.map { ($0.0.lowercased(), $0.1) }.sorted { $0 < $1 }.map { "\($0.0):\($0.1)" }
        let lines = [method] + standard + own + ["/\(account)\(path)"] + parameters
        let signature = Base64.encode(HMAC.sha256(lines.joined(separator: "\n"), key: key))
        return "SharedKey \(account):\(signature)"
    }
}
