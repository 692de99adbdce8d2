import Base
import GitKit

/// Git's own settings for HTTP (`http.proxy`, `http.sslCAInfo`, `http.URL.sslCert`, `GIT_SSL_CAINFO`…; git-config, "http.*"),
/// so that whoever made git reach a server has made git-ml reach it too.
public enum HTTPSettings {
    private static let state = State()

    /// Whose configuration counts from now on.
    public static func use(_ git: GitCommand) { state.use(git) }

    /// The options for a URL; asked of git once for each host.
    static func options(for url: String) -> HTTPOptions { state.options(URLText.origin(url)) }

    private final class State: @unchecked Sendable {
        private let mutex = Mutex()
        private var git = GitCommand()
        private var known: [String: HTTPOptions] = [:]

        func use(_ git: GitCommand) {
            mutex.withLock {
                self.git = git
                known = [:]
            }
        }

        func options(_ origin: String) -> HTTPOptions {
            mutex.withLock {
                if let options = known[origin] { return options }
                let options = HTTPSettings.read(git, origin, Environment.current)
                known[origin] = options
                return options
            }
        }
    }

    private static func read(_ git: GitCommand, _ origin: String, _ environment: [String: String]) -> HTTPOptions {
        var values: [String: String] = [:]
        let answer = try? git.start(["config", "--null", "--get-urlmatch", "http", origin + "/"])
        for item in answer?.output.split(separator: 0) ?? [] {
            let parts = String(decoding: item, as: UTF8.self).split(separator: "\n", maxSplits: 1)
            if let key = parts.first { values[key.lowercased()] = parts.count == 2 ? String(parts[1]) : "true" }
        }
        func value(_ key: String, _ variable: String) -> String? {
            let found = environment[variable] ?? values["http." + key]
            return found?.isEmpty == false ? found : nil
        }
        var options = HTTPOptions()
        options.caFile = value("sslcainfo", "GIT_SSL_CAINFO").map { path($0, environment) }
        options.caFolder = value("sslcapath", "GIT_SSL_CAPATH").map { path($0, environment) }
        options.clientCertificate = value("sslcert", "GIT_SSL_CERT").map { path($0, environment) }
        options.clientKey = value("sslkey", "GIT_SSL_KEY").map { path($0, environment) }
        options.proxy = values["http.proxy"].flatMap { $0.isEmpty ? nil : $0 }
        options.isDirect = values["http.proxy"]?.isEmpty == true
        options.version = values["http.version"]
        let verifies = values["http.sslverify"]?.lowercased() ?? "true"
        options.verifies = environment["GIT_SSL_NO_VERIFY"] == nil && !["false", "no", "off", "0"].contains(verifies)
        if let limit = value("lowspeedlimit", "GIT_HTTP_LOW_SPEED_LIMIT").flatMap({ Int($0) }),
            let time = value("lowspeedtime", "GIT_HTTP_LOW_SPEED_TIME").flatMap({ Int($0) }), limit > 0, time > 0
        {
            (options.stallBytes, options.stallSeconds) = (limit, time)
        }
        return options
    }

    private static func path(_ text: String, _ environment: [String: String]) -> String {
        text.hasPrefix("~/") ? (environment["HOME"] ?? "") + text.dropFirst() : text
    }
}
