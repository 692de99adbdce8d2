import Base
import Glibc

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
    var refused: (version: String, reason: String)?

    static func folder(_ gitDirectory: String) -> String { gitDirectory + "/mlrun/serving" }

    private func path(_ gitDirectory: String) -> String { ServingState.folder(gitDirectory) + "/\(process).json" }

    func write(_ gitDirectory: String) throws {
        try Files.makeDirectories(ServingState.folder(gitDirectory))
        try Files.writeAtomically(json.pretty(), to: path(gitDirectory))
    }

    func remove(_ gitDirectory: String) { try? Files.remove(path(gitDirectory)) }

    var json: JSON {
        var out: JSONObject = [
            "version": 1, "process": JSON(Int(process)), "url": .string(url), "model": .string(model),
            "model_version": .string(version), "since": .string(since.description),
        ]
        if let reference { out["ref"] = .string(reference) }
        if let refused {
            out["refused"] = ["model_version": .string(refused.version), "reason": .string(refused.reason)]
        }
        return .object(out)
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
            refused = (version, json["refused"]?["reason"]?.stringValue ?? "")
        }
    }
}
