import Base

extension RunRecord {
    /// The record as one line of JSON without the line feed: time first, the other keys in a fixed order.
    public var line: String { json.compact() }

    /// Reads a line.
    ///
    /// - Throws: `MLError(.corrupt)` for what is not a record. A newer version is read as far as it is understood.
    public init(line: String) throws {
        do { try self.init(json: try JSON(parsing: line)) } catch let error as MLError {
            throw MLError(.corrupt, "invalid run record: \(error.message)")
        }
    }

    /// The same as a value.
    public var json: JSON {
        var object = JSONObject()
        object["time"] = .string(time.description)
        object["v"] = JSON(version)
        object["stage"] = .string(stage)
        object["key"] = .string(key.hex)
        object["cmd"] = JSON(commands)
        object["wdir"] = .string(directory)
        object["deps"] = .array(dependencies.map(RunRecord.encode))
        object["params"] = .array(params.map { ["file": .string($0.file), "key": .string($0.key), "value": $0.value] })
        object["outs"] = .array(outputs.map(RunRecord.encode))
        object["metrics"] = .object(metrics)
        object["duration"] = JSON(duration)
        object["cpu"] = JSON(processorTime)
        object["memory"] = .integer(peakMemory)
        object["exit"] = JSON(exitStatus)
        object["log"] = log.map { .string($0.hex) } ?? .null
        object["tree"] = context.tree.map { .string($0) } ?? .null
        object["commit"] = context.commit.map { .string($0) } ?? .null
        object["dirty"] = .bool(context.isDirty)
        object["host"] = context.host.map { .string($0) } ?? .null
        object["tools"] = .object(context.tools)
        object["env"] = .object(environment)
        for (key, value) in unknown.pairs where object[key] == nil { object[key] = value }
        return .object(object)
    }

    private static func encode(_ file: File) -> JSON {
        var object = JSONObject()
        object["path"] = .string(file.path)
        object["id"] = .string(file.id.hex)
        if let size = file.size { object["size"] = .integer(size) }
        if file.kind != .data { object["kind"] = .string(file.kind.rawValue) }
        if file.mode != .file { object["mode"] = .string(file.mode.rawValue) }
        return .object(object)
    }

    private static let known: Set<String> = [
        "time", "v", "stage", "key", "cmd", "wdir", "deps", "params", "outs", "metrics", "duration", "cpu", "memory",
        "exit", "log", "tree", "commit", "dirty", "host", "tools", "env",
    ]

    private init(json: JSON) throws {
        func need<T>(_ name: String, _ value: T?) throws -> T {
            guard let value else { throw MLError(.corrupt, "'\(name)' is missing or wrong") }
            return value
        }
        let time = try need("time", json["time"]?.stringValue.flatMap { Timestamp(rfc3339: $0) })
        let stage = try need("stage", json["stage"]?.stringValue)
        let key = try need("key", json["key"]?.stringValue.flatMap { ObjectID(hex: $0) })
        self.init(
            time: time, stage: stage, key: key, commands: json["cmd"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        version = try need("v", json["v"]?.intValue)
        directory = json["wdir"]?.stringValue ?? "."
        dependencies = try (json["deps"]?.arrayValue ?? []).map { try need("deps", RunRecord.decode($0)) }
        outputs = try (json["outs"]?.arrayValue ?? []).map { try need("outs", RunRecord.decode($0)) }
        params = try (json["params"]?.arrayValue ?? []).map {
            ParamValue(
                file: try need("params", $0["file"]?.stringValue), key: try need("params", $0["key"]?.stringValue),
                value: $0["value"] ?? .null)
        }
        metrics = json["metrics"]?.objectValue ?? [:]
        duration = json["duration"]?.doubleValue ?? 0
        processorTime = json["cpu"]?.doubleValue ?? 0
        peakMemory = Int64(json["memory"]?.intValue ?? 0)
        exitStatus = json["exit"]?.intValue ?? 0
        log = json["log"]?.stringValue.flatMap { ObjectID(hex: $0) }
        context = RunContext(
            tree: json["tree"]?.stringValue, commit: json["commit"]?.stringValue,
            isDirty: json["dirty"]?.boolValue ?? false, host: json["host"]?.stringValue,
            tools: json["tools"]?.objectValue ?? [:])
        environment = json["env"]?.objectValue ?? [:]
        for (key, value) in json.objectValue?.pairs ?? [] where !RunRecord.known.contains(key) { unknown[key] = value }
    }

    private static func decode(_ json: JSON) -> File? {
        guard let path = json["path"]?.stringValue, let id = json["id"]?.stringValue.flatMap({ ObjectID(hex: $0) })
        else {
            return nil
        }
        let kind = json["kind"]?.stringValue.flatMap { Output.Kind(rawValue: $0) } ?? .data
        let mode = json["mode"]?.stringValue.flatMap { FolderID.Mode(rawValue: $0) } ?? .file
        return File(path: path, id: id, size: json["size"]?.intValue.map { Int64($0) }, kind: kind, mode: mode)
    }
}
