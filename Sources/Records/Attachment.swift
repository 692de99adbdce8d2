import Base
import Pipelines

/// Metrics that were recorded for a commit by hand or by a program outside any pipeline (`git mlrun record`).
///
/// They are records like those of stages, under a key made from the commit's tree: a commit with the same files has them,
/// whatever became of its message, author or parents.
public enum Attachment {
    /// What such records have in place of a stage.
    public static let stage = "record"

    /// The key for a tree, given in hex.
    public static func key(tree: String) -> ObjectID { ObjectID.of("mlrun-attached 1\n\(tree)\n") }

    /// A record for a tree.
    ///
    /// - Parameters:
    ///   - sequence: orders records of the same second: nanoseconds on the wall clock.
    ///   - patch: the stable id of the commit's change, by which a copy of the commit on another tree is known again.
    public static func record(
        _ values: RecordedValues, context: RunContext, time: Timestamp, sequence: Int64, patch: String?
    ) -> RunRecord {
        var record = RunRecord(
            time: time, stage: stage, key: key(tree: context.tree ?? ""), commands: [], context: context
        ).replacing(values)
        record.tree = context.tree
        record.unknown["seq"] = .integer(sequence)
        if let patch { record.unknown["patch_id"] = .string(patch) }
        return record
    }

    /// Several records as one: of each metric the value recorded last, all steps. nil for none.
    public static func joined(_ records: [RunRecord]) -> RunRecord? {
        let ordered = records.sorted { ($0.time, $0.sequence) < ($1.time, $1.sequence) }
        guard let result = ordered.last else { return nil }
        var values = RecordedValues()
        for record in ordered { values.add(RecordedValues(record)) }
        return result.replacing(values)
    }

    /// The run of a stage, attached to a tree whose outputs it did not make: it ran that tree's pipeline later.
    ///
    /// - Parameter replaced: files that were taken from elsewhere (`data/test.tsv@main`).
    public static func attached(_ record: RunRecord, toTree tree: String, commit: String, with replaced: [String])
        -> RunRecord
    {
        var copy = record
        copy.tree = tree
        copy.context.commit = commit
        if !replaced.isEmpty { copy.unknown["with"] = JSON(replaced) }
        return copy
    }

    /// The same record for another commit that holds the same change.
    public static func moved(_ record: RunRecord, toTree tree: String, commit: String) -> RunRecord {
        var copy = record
        copy.unknown["from"] = record.context.commit.map { .string($0) } ?? .null
        if record.stage == stage && record.commands.isEmpty { copy.key = key(tree: tree) }
        copy.tree = tree
        copy.context.tree = tree
        copy.context.commit = commit
        return copy
    }
}

extension RunRecord {
    /// Values of metrics by step: `{metric: [[step, value], …]}`.
    public var steps: JSONObject {
        get { unknown["steps"]?.objectValue ?? [:] }
        set { unknown["steps"] = newValue.isEmpty ? nil : .object(newValue) }
    }

    /// The same record with other values recorded without a file.
    public func replacing(_ values: RecordedValues) -> RunRecord {
        var copy = self
        copy.metrics = values.metrics.isEmpty ? [:] : ["": .object(values.metrics)]
        copy.params = values.params.pairs.map { ParamValue(file: "", key: $0.key, value: $0.value) }
        copy.steps = values.steps
        return copy
    }

    /// The tree (in hex) a record is attached to; nil when content alone decides who has it.
    public var tree: String? {
        get { unknown["for"]?.stringValue }
        set { unknown["for"] = newValue.map { .string($0) } }
    }

    /// Files that were taken from elsewhere for this run.
    public var replacedFiles: [String] { unknown["with"]?.arrayValue?.compactMap(\.stringValue) ?? [] }

    /// Order among records of the same second.
    public var sequence: Int64 { Int64(unknown["seq"]?.intValue ?? 0) }
}

/// Metrics, their steps and params, as a program hands them over.
public struct RecordedValues: Hashable, Sendable {
    /// The last value of each.
    public var metrics: JSONObject = [:]
    /// `{metric: [[step, value], …]}`, by rising step.
    public var steps: JSONObject = [:]
    public var params: JSONObject = [:]

    public init() {}

    /// What a record holds without a file.
    public init(_ record: RunRecord) {
        metrics = record.metrics[""]?.objectValue ?? [:]
        steps = record.steps
        params = JSONObject(record.params.filter { $0.file.isEmpty }.map { ($0.key, $0.value) })
    }

    /// The names of all metrics and params.
    public var names: Set<String> { Set(metrics.keys + steps.keys + params.keys) }

    /// The others.
    public func without(_ names: Set<String>) -> RecordedValues {
        var copy = self
        for name in names { (copy.metrics[name], copy.steps[name], copy.params[name]) = (nil, nil, nil) }
        return copy
    }

    public var isEmpty: Bool { metrics.isEmpty && steps.isEmpty && params.isEmpty }

    /// Takes one value. With a step it becomes the last value unless a later step is known.
    public mutating func add(_ name: String, _ value: JSON, step: Int64?) {
        guard let step else {
            metrics[name] = value
            return
        }
        var series = steps[name]?.arrayValue ?? []
        let place = series.firstIndex { ($0.arrayValue?.first?.doubleValue ?? 0) >= Double(step) }
        let point = JSON.array([.integer(step), value])
        if let place, series[place].arrayValue?.first == .integer(step) {
            series[place] = point
        } else {
            series.insert(point, at: place ?? series.count)
        }
        steps[name] = .array(series)
        if let last = series.last?.arrayValue?.last { metrics[name] = last }
    }

    /// Takes all values of `other`, which come later.
    public mutating func add(_ other: RecordedValues) {
        for (name, value) in other.metrics.pairs where other.steps[name] == nil { metrics[name] = value }
        for (name, series) in other.steps.pairs {
            if steps[name] == nil {
                steps[name] = series
                if let value = other.metrics[name] { metrics[name] = value }
                continue
            }
            for point in series.arrayValue ?? [] {
                guard let pair = point.arrayValue, pair.count == 2, let step = pair[0].intValue else { continue }
                add(name, pair[1], step: Int64(step))
            }
        }
        for (name, value) in other.params.pairs { params[name] = value }
    }

    /// `NAME=VALUE`: a finite number becomes one, anything else a text.
    ///
    /// - Throws: `MLError(.usage)` without a name or `=`.
    public static func parse(_ assignment: String) throws -> (name: String, value: JSON) {
        guard let cut = assignment.firstIndex(of: "="), cut != assignment.startIndex else {
            throw MLError(.usage, "'\(assignment)' is not NAME=VALUE", hint: "an example: accuracy=0.91")
        }
        let text = String(assignment[assignment.index(after: cut)...])
        return (String(assignment[..<cut]), value(text))
    }

    /// A number where the text is a finite one.
    public static func value(_ text: String) -> JSON {
        if let integer = Int64(text) { return .integer(integer) }
        if let number = Double(text), number.isFinite, !text.lowercased().hasPrefix("0x") { return .number(number) }
        switch text.lowercased() {
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: return .string(text)
        }
    }

    /// One line for the file in which a stage's values wait for the end of its run.
    public var line: String {
        JSON.object(["metrics": .object(metrics), "steps": .object(steps), "params": .object(params)]).compact()
    }

    /// Reads such a line; nil for one that is none (cut off by a killed process).
    public init?(line: String) {
        guard let json = try? JSON(parsing: line), json.objectValue != nil else { return nil }
        metrics = json["metrics"]?.objectValue ?? [:]
        steps = json["steps"]?.objectValue ?? [:]
        params = json["params"]?.objectValue ?? [:]
    }
}
