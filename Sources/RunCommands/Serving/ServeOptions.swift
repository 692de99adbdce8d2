import ArgumentParser
import Base
import CommandKit
import Glibc
import HTTPServing
import Serving

/// Where a server listens, and who may ask.
struct NetworkOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The port; 0 takes a free one.", valueName: "n")) var port = 8080
    @Option(help: ArgumentHelp("The address.", valueName: "address")) var host = "127.0.0.1"
    @Option(help: ArgumentHelp("A certificate chain in PEM, for HTTPS and HTTP/2.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("Its private key in PEM.", valueName: "file")) var tlsKey: String?
    @Option(help: ArgumentHelp("Let in only who has a bearer token whose hash is there.", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("Print a new token, add its hash to the token file, and end.", valueName: "name"))
    var newToken: String?
    @Option(help: ArgumentHelp("Let pages of this origin ask, or of any: '*'.", valueName: "origin")) var cors: String?
    @Flag(help: "Take clients' addresses from X-Forwarded-For: behind a proxy only.") var forwarded = false
    @Option(help: ArgumentHelp("Continue as this user once the port is open.", valueName: "name")) var user: String?

    /// Where clients ask, once the port is known.
    func url(_ port: Int) -> String {
        "\(tlsCert == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    func makeToken(_ name: String, _ ui: UserInterface) throws {
        guard let tokenFile else { throw MLError(.usage, "--new-token needs '--token-file FILE'") }
        guard !name.isEmpty, !name.contains(where: \.isNewline) else { throw MLError(.usage, "a token needs a name") }
        let (token, line) = TokenList.make(name: name)
        let file = try FileHandle(updating: tokenFile, mode: 0o600)
        try file.seek(to: try file.status().size)
        try file.writeAll(Array(line.utf8))
        try file.synchronize()
        ui.print(token)
        ui.status("Its hash is in '\(tokenFile)'; the token itself is shown this once.")
    }

    func guards(rate: Double?) throws -> RequestGuard {
        var guards = RequestGuard()
        guards.tokens = try tokenFile.map { try TokenList(parsing: Files.readText($0), name: $0) }
        guards.origin = cors
        guards.trustsForwarded = forwarded
        guards.rate = try rate.map {
            guard $0 > 0, $0.isFinite else { throw MLError(.usage, "--rate must be a positive number") }
            return RateLimit(perSecond: $0)
        }
        return guards
    }

    func settings(_ limits: LimitOptions) throws -> HTTPServer.Settings {
        guard (0...65535).contains(port) else { throw MLError(.usage, "--port must be from 0 to 65535, not \(port)") }
        var settings = HTTPServer.Settings()
        settings.host = host == "localhost" ? "127.0.0.1" : host
        settings.port = port
        switch (tlsCert, tlsKey) {
        case (let chain?, let key?): settings.certificate = (chain, key)
        case (nil, nil): break
        default: throw MLError(.usage, "--tls-cert and --tls-key are needed together")
        }
        settings.largestBody = limits.maxBody
        settings.connections = limits.connections
        settings.idleSeconds = limits.idle
        // The service answers first; this is for what it does not count, such as explanations.
        settings.answerSeconds = limits.timeout + 1
        return settings
    }

    func dropPrivileges() throws { if let user { try Privileges.become(user) } }
}

/// Who this process runs as.
enum Privileges {
    /// Continues as another user, for good.
    static func become(_ user: String) throws {
        guard let entry = getpwnam(user) else { throw MLError(.notFound, "there is no user '\(user)'") }
        let (uid, gid) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        if geteuid() == uid, getuid() == uid { return }
        guard initgroups(user, gid) == 0, setgid(gid) == 0, setuid(uid) == 0 else {
            throw MLError(
                .failed, "cannot become user '\(user)'", hint: "only root can; start as root or leave --user out")
        }
    }
}

/// How much a server takes on.
struct LimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Bytes of a request's body.", valueName: "n")) var maxBody = 8 << 20
    @Option(help: ArgumentHelp("Texts of a request.", valueName: "n")) var maxTexts = 1024
    @Option(help: ArgumentHelp("Requests that may wait for the model; more are answered 503.", valueName: "n"))
    var maxQueue = 1024
    @Option(help: ArgumentHelp("Connections at a time.", valueName: "n")) var connections = 4096
    @Option(help: ArgumentHelp("Requests a second from one client; more are answered 429.", valueName: "n"))
    var rate: Double?
    @Option(help: ArgumentHelp("Seconds a request may take.", valueName: "s")) var timeout = 30.0
    @Option(help: ArgumentHelp("Seconds a connection may be silent.", valueName: "s")) var idle: Int64 = 60
    @Option(help: ArgumentHelp("Seconds for requests under way when the server ends.", valueName: "s"))
    var drain: Int64 = 30
    @Option(help: ArgumentHelp("Seconds between readiness saying no and the port closing.", valueName: "s"))
    var drainDelay = 0.0
    @Option(help: ArgumentHelp("Threads for the model; all processors without.", valueName: "n")) var threads: Int?

    func queue(_ metrics: ServiceMetrics) -> PredictionQueue {
        PredictionQueue(limit: max(1, maxQueue), metrics: metrics)
    }

    /// Lets this process have as many open files as it may have connections, where the system allows it.
    func allowConnections() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, rlim_t(connections) + 512))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    func service() throws -> ModelService.Limits {
        guard timeout > 0, timeout <= 86_400 else {
            throw MLError(.usage, "--timeout must be above 0 and at most a day")
        }
        guard maxBody > 0, maxTexts > 0, connections > 0, idle > 0, drain >= 0, drainDelay >= 0 else {
            throw MLError(.usage, "limits must be positive numbers")
        }
        var limits = ModelService.Limits()
        limits.texts = maxTexts
        limits.seconds = timeout
        return limits
    }
}

/// What a server writes down.
struct LogOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A line of JSON a request; '-' is standard error.", valueName: "file"))
    var accessLog: String?
    @Option(help: ArgumentHelp("A line of JSON a prediction.", valueName: "file")) var predictionLog: String?
    @Option(help: ArgumentHelp("The share of predictions that are logged, 0 to 1.", valueName: "share"))
    var logSample = 1.0
    @Option(
        help: ArgumentHelp("What the prediction log has of a text: its hash, redacted, or full.", valueName: "what"))
    var logTexts = "hash"
    @Option(help: ArgumentHelp("Bytes of a log before it starts anew; five older ones stay.", valueName: "n"))
    var logSize: Int64 = 64 << 20

    func journal(_ metrics: ServiceMetrics, _ ui: UserInterface) throws -> ServiceJournal {
        guard let texts = ServiceJournal.Texts(rawValue: logTexts) else {
            throw MLError(.usage, "--log-texts is 'hash', 'redacted' or 'full', not '\(logTexts)'")
        }
        guard (0...1).contains(logSample) else { throw MLError(.usage, "--log-sample must be from 0 to 1") }
        var journal = ServiceJournal(metrics: metrics) { ui.warning($0) }
        journal.accessLog = try accessLog.map { try RotatingLog($0, limit: logSize) }
        journal.predictionLog = try predictionLog.map { try RotatingLog($0, limit: logSize) }
        journal.sample = logSample
        journal.texts = texts
        return journal
    }
}
