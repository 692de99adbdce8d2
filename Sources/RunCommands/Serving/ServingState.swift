import Base
import Glibc
import Serving

/// What a server says of itself to those beside it, in a file of its own below `.git/mlrun/serving`.
struct ServingState {
    var process: Int32
    var url: String
    /// The ref it follows; nil when it stays with what it was given.
    var reference: String?
    var model: String
    var version: String
    var since: Timestamp
    /// A commit the ref pointed to that failed its check, with the reason.
    var refused: (version: String, reason: String, time: Double)?
    /// The processes that answer.
    var replicas = ReplicaState()
    /// Requests of the generation that answers.
    var stable = GenerationStatistics.Snapshot()
    /// The generation beside it, its share of the traffic and how it comes in.
    var candidate: (generation: Generation, share: Double?, strategy: RolloutPlan.Strategy?)?
    /// Whether it stays with what it was given, whatever is deployed.
    var isPinned = false
    /// The JSON of one that was read.
    private var found: JSON?

    static func folder(_ gitDirectory: String) -> String { gitDirectory + "/mlrun/serving" }

    private func path(_ gitDirectory: String) -> String { ServingState.folder(gitDirectory) + "/\(process).json" }

    func write(_ gitDirectory: String) throws {
        try Files.makeDirectories(ServingState.folder(gitDirectory))
        try Files.writeAtomically(json.pretty(), to: path(gitDirectory))
    }

    func remove(_ gitDirectory: String) {
        try? Files.remove(path(gitDirectory))
        _ = invitation(gitDirectory)
    }

    var json: JSON {
        if let found { return found }
        var out: JSONObject = [
            "version": 1, "process": JSON(Int(process)), "url": .string(url), "model": .string(model),
            "model_version": .string(version), "since": .string(since.description),
        ]
        if isPinned { out["pinned"] = true }
        if let reference { out["ref"] = .string(reference) }
        if let refused {
            out["refused"] = [
                "model_version": .string(refused.version), "reason": .string(refused.reason),
                "time": .number(refused.time),
            ]
        }
        if let wanted = replicas.wanted {
            out["replicas"] = [
                "wanted": JSON(wanted), "processes": .array(replicas.processes.map { JSON(Int($0)) }),
                "restarts": JSON(replicas.restarts),
            ]
        }
        if let (generation, share, strategy) = candidate {
            let numbers = generation.statistics.snapshot
            var entry = ServingState.numbers(numbers)
            entry["model_version"] = .string(generation.version)
            if let strategy { entry["strategy"] = .string(strategy.rawValue) }
            if let share { entry["share"] = JSON(share) }
            entry["drift"] = JSON(RolloutRules.drift(stable, numbers))
            if numbers.comparisons > 0 {
                entry["agreement"] = JSON(Double(numbers.agreements) / Double(numbers.comparisons))
            }
            out["candidate"] = .object(entry)
            out["stable"] = .object(ServingState.numbers(stable))
        }
        return .object(out)
    }

    private static func numbers(_ numbers: GenerationStatistics.Snapshot) -> JSONObject {
        var out: JSONObject = ["requests": JSON(numbers.requests), "errors": JSON(numbers.errors)]
        if let p99 = numbers.latency(quantile: 0.99) { out["p99_seconds"] = JSON(p99) }
        return out
    }

    /// What it says of its candidate and replicas, for people.
    var details: String {
        let json = json
        var parts: [String] = []
        if let replicas = json["replicas"], let wanted = replicas["wanted"]?.intValue {
            parts.append("\(replicas["processes"]?.arrayValue?.count ?? 0) of \(wanted) replicas")
        }
        if let candidate = json["candidate"], let version = candidate["model_version"]?.stringValue {
            var words = "\(candidate["strategy"]?.stringValue ?? "beside it") \(version.prefix(10))"
            if let share = candidate["share"]?.doubleValue { words += " \(Int((share * 100).rounded())) %" }
            words += ", \(candidate["requests"]?.intValue ?? 0) requests, \(candidate["errors"]?.intValue ?? 0) failed"
            parts.append(words)
        }
        if let refused { parts.append("refused \(refused.version.prefix(10)): \(refused.reason)") }
        return parts.joined(separator: "; ")
    }

    /// Asks a server that follows nothing to follow a ref.
    func invite(_ gitDirectory: String, to reference: String) throws {
        try Files.writeAtomically(reference, to: ServingState.folder(gitDirectory) + "/\(process).follow")
    }

    /// The ref it was asked to follow; once.
    func invitation(_ gitDirectory: String) -> String? {
        let path = ServingState.folder(gitDirectory) + "/\(process).follow"
        guard Files.exists(path) else { return nil }
        defer { try? Files.remove(path) }
        return try? Files.readText(path).filter { !$0.isWhitespace }
    }

    /// The servers that run. Files of those that were killed are removed.
    static func all(_ gitDirectory: String) throws -> [ServingState] {
        guard Files.exists(folder(gitDirectory)) else { return [] }
        return try Files.list(folder(gitDirectory)).filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
            let path = folder(gitDirectory) + "/" + name
            guard let json = try? JSON(parsing: Files.read(path)), let state = ServingState(json) else { return nil }
            // EPERM: it runs as somebody else.
            if kill(state.process, 0) != 0, errno == ESRCH {
                try? Files.remove(path)
                return nil
            }
            return state
        }
    }

    init(
        process: Int32 = getpid(), url: String, reference: String?, model: String, version: String,
        since: Timestamp = .now()
    ) {
        self.process = process
        self.url = url
        self.reference = reference
        self.model = model
        self.version = version
        self.since = since
    }

    private init?(_ json: JSON) {
        guard let process = json["process"]?.intValue, let url = json["url"]?.stringValue,
            let model = json["model"]?.stringValue, let version = json["model_version"]?.stringValue,
            let since = json["since"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
        else { return nil }
        self.init(
            process: Int32(truncatingIfNeeded: process), url: url, reference: json["ref"]?.stringValue, model: model,
            version: version, since: since)
        if let version = json["refused"]?["model_version"]?.stringValue {
            refused = (
                version, json["refused"]?["reason"]?.stringValue ?? "", json["refused"]?["time"]?.doubleValue ?? 0
            )
        }
        isPinned = json["pinned"]?.boolValue ?? false
        found = json
    }
}
