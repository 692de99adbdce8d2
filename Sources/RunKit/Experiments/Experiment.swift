import Base
import GitKit
import Pipelines
import Records

/// A run of a pipeline with changed params, kept as a commit on top of the one it began from.
public struct Experiment: Sendable {
    /// How it ended.
    public enum State: String, Sendable { case done, failed, stopped, queued }

    public var name: String
    public var state: State
    /// The commit; nil until it is saved.
    public var commit: Commit?
    /// What it began from.
    public var base: GitID
    /// Params that were set, by name (`lr`, `other.yaml:lr`).
    public var set: JSONObject
    /// `{file: {key: value}}`
    public var params: JSONObject = [:]
    /// `{file: {key: value}}`
    public var metrics: JSONObject = [:]
    /// `{metric: [[step, value], …]}`
    public var steps: JSONObject = [:]
    /// Seconds.
    public var duration: Double = 0
    /// Id of the kept output.
    public var log: ObjectID?
    public var host: String?
    /// Targets and flags of the run, to run it again.
    public var arguments: [String] = []
    /// What `--set` said, to run it again on another commit.
    public var assignments: [String] = []
    /// What somebody said of it; the first line of the commit's message.
    public var summary: String?
    /// Untracked paths that go along into the scratch work tree.
    public var copies: [String] = []
    /// What its stages read and made.
    public var files = StageFiles()

    public init(name: String, state: State, base: GitID, set: JSONObject) {
        self.name = name
        self.state = state
        self.base = base
        self.set = set
    }

    /// A commit message: a line for people, the rest as JSON.
    var message: String {
        let changes = set.pairs.map { "\($0.key)=\($0.value.stringValue ?? $0.value.compact())" }.joined(separator: " ")
        var object: JSONObject = [
            "v": 1, "name": .string(name), "state": .string(state.rawValue), "base": .string(base.hex),
            "set": .object(set), "params": .object(params), "metrics": .object(metrics), "steps": .object(steps),
            "duration": .number(duration), "log": log.map { .string($0.hex) } ?? .null,
            "host": host.map { .string($0) } ?? .null, "arguments": JSON(arguments), "assignments": JSON(assignments),
        ]
        if !copies.isEmpty { object["copies"] = JSON(copies) }
        if !files.dependencies.isEmpty { object["deps"] = .object(files.dependencies) }
        if !files.outputs.isEmpty { object["outs"] = .object(files.outputs) }
        let body = JSON.object(object)
        if let summary { return "\(summary)\n\n\(body.compact())" }
        return "exp: \(name)\(changes.isEmpty ? "" : " (\(changes))")\n\n\(body.compact())"
    }

    /// Reads a commit; nil for one that is no experiment.
    init?(_ commit: Commit, message: String, name: String) {
        guard let start = message.range(of: "\n\n{"), let json = try? JSON(parsing: "{" + message[start.upperBound...]),
            let state = json["state"]?.stringValue.flatMap(State.init(rawValue:)),
            let base = json["base"]?.stringValue.flatMap({ GitID($0) })
        else { return nil }
        // The ref says the name: a renamed experiment keeps its commit.
        self.init(name: name, state: state, base: base, set: json["set"]?.objectValue ?? [:])
        self.commit = commit
        params = json["params"]?.objectValue ?? [:]
        metrics = json["metrics"]?.objectValue ?? [:]
        steps = json["steps"]?.objectValue ?? [:]
        duration = json["duration"]?.doubleValue ?? 0
        log = json["log"]?.stringValue.flatMap { ObjectID(hex: $0) }
        host = json["host"]?.stringValue
        arguments = json["arguments"]?.arrayValue?.compactMap(\.stringValue) ?? []
        assignments = json["assignments"]?.arrayValue?.compactMap(\.stringValue) ?? []
        copies = json["copies"]?.arrayValue?.compactMap(\.stringValue) ?? []
        files.dependencies = json["deps"]?.objectValue ?? [:]
        files.outputs = json["outs"]?.objectValue ?? [:]
        let first = String(message[..<start.lowerBound])
        if !first.hasPrefix("exp: ") { summary = first }
    }

    /// The experiment as a row of the history.
    public var entry: HistoryEntry {
        HistoryEntry(
            commit: commit?.id.hex ?? "", tree: commit?.tree.hex ?? "", subject: name, author: commit?.author ?? "",
            date: commit?.time ?? Timestamp(seconds: 0), refs: [name], duration: state == .queued ? nil : duration,
            metrics: MetricNames.joined(metrics), params: MetricNames.joined(params))
    }
}

extension String {
    /// The first place of a text, without Foundation.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        let (bytes, wanted) = (Array(utf8), Array(text.utf8))
        guard wanted.count <= bytes.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            return utf8.index(startIndex, offsetBy: start)..<utf8.index(startIndex, offsetBy: start + wanted.count)
        }
        return nil
    }
}
