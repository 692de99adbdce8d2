import Base
import CCurl

/// How a server is reached: proxy, certificates, patience.
struct HTTPOptions: Hashable, Sendable {
    /// The longest time until a connection stands.
    var connectSeconds = 30
    /// A transfer with fewer bytes a second than this, for `stallSeconds`, has stalled.
    var stallBytes = 1
    var stallSeconds = 30
    /// Whether no proxy is used at all.
    var isDirect = false
    /// Instead of the environment's (`https_proxy`, `no_proxy`).
    var proxy: String?
    /// Certificates of authorities, instead of the system's.
    var caFile: String?
    var caFolder: String?
    var clientCertificate: String?
    var clientKey: String?
    var verifies = true
    /// `HTTP/1.1` or `HTTP/2`; nil negotiates.
    var version: String?

    func apply(to handle: UnsafeMutableRawPointer) {
        _ = gitml_curl_number(handle, CURLOPT_CONNECTTIMEOUT, connectSeconds)
        _ = gitml_curl_number(handle, CURLOPT_LOW_SPEED_LIMIT, stallBytes)
        _ = gitml_curl_number(handle, CURLOPT_LOW_SPEED_TIME, stallSeconds)
        for (option, value) in [
            (CURLOPT_PROXY, proxy), (CURLOPT_CAINFO, caFile), (CURLOPT_CAPATH, caFolder),
            (CURLOPT_SSLCERT, clientCertificate), (CURLOPT_SSLKEY, clientKey),
        ] {
            if let value { _ = gitml_curl_text(handle, option, value) }
        }
        if isDirect { _ = gitml_curl_text(handle, CURLOPT_NOPROXY, "*") }
        if !verifies {
            _ = gitml_curl_number(handle, CURLOPT_SSL_VERIFYPEER, 0)
            _ = gitml_curl_number(handle, CURLOPT_SSL_VERIFYHOST, 0)
        }
        switch version {
        case "HTTP/1.1": _ = gitml_curl_number(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        case "HTTP/2": _ = gitml_curl_number(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2_0)
        default: break
        }
    }
}

extension StorageSettings {
    /// What git's configuration says for a URL, and above it what the store's own settings say.
    func httpOptions(for url: String) throws -> HTTPOptions {
        var options = HTTPSettings.options(for: url)
        if let file = try path("caFile") { options.caFile = file }
        if let file = try path("clientCertificate") { options.clientCertificate = file }
        if let file = try path("clientKey") { options.clientKey = file }
        if let proxy = self["proxy"] { options.proxy = proxy }
        return options
    }
}
