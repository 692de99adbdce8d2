import Base

/// Reads one stage whose templates are filled in.
struct StageReader {
    let schema: SchemaReader
    /// The pipeline file and the folder it is in.
    let file: String
    let folder: String

    static let keys = [
        "cmd", "wdir", "deps", "params", "vars", "outs", "metrics", "plots", "frozen", "always_changed", "desc", "meta",
    ]
    static let definitionKeys = keys + ["foreach", "do", "matrix"]

    func read(_ node: YAMLNode, name: String, what: String) throws -> Stage {
        let fields = try schema.closed(node, what, keys: StageReader.keys)
        guard let command = fields["cmd"] else {
            throw schema.document.error(node, "'\(what)' has no 'cmd'")
        }
        let directory = try fields["wdir"].map { try schema.path($0, "\(what).wdir", in: folder) } ?? folder
        var stage = Stage(name: name, file: file, commands: try commands(command, what), directory: directory)
        stage.writtenCommand = command.json
        stage.line = node.line
        if let node = fields["deps"] {
            stage.dependencies = try schema.list(node, "\(what).deps").map {
                try schema.path($0, "\(what).deps", in: directory)
            }
        }
        if let node = fields["params"] { stage.params = try params(node, what, directory) }
        let outputs = OutputReader(schema: schema, directory: directory)
        for (key, kind) in [("outs", Output.Kind.data), ("metrics", .metric), ("plots", .plot)] {
            if let node = fields[key] { stage.outputs += try outputs.read(node, kind: kind, what: "\(what).\(key)") }
        }
        try checkPaths(stage, node)
        if let node = fields["frozen"] { stage.isFrozen = try schema.boolean(node, "\(what).frozen") }
        if let node = fields["always_changed"] {
            stage.isAlwaysChanged = try schema.boolean(node, "\(what).always_changed")
        }
        if let node = fields["desc"] { stage.summary = try schema.text(node, "\(what).desc") }
        if let node = fields["meta"] {
            stage.meta = node.json
            if let own = node["mlrun"] { stage.settings = try settings(own, "\(what).meta.mlrun", directory) }
        }
        return stage
    }

    /// List items are commands; of a text, each line is one. A line that ends in a backslash goes on in the next.
    private func commands(_ node: YAMLNode, _ what: String) throws -> [String] {
        if let elements = node.elements {
            guard !elements.isEmpty else { throw schema.document.error(node, "'\(what).cmd' is empty") }
            return try elements.map { try schema.text($0, "\(what).cmd") }
        }
        guard node.stringValue != nil else { throw schema.wrongType(node, "\(what).cmd", "text or a list of texts") }
        var commands: [String] = []
        var pending = ""
        for line in try schema.text(node, "\(what).cmd").split(separator: "\n", omittingEmptySubsequences: false) {
            pending += line
            let backslashes = line.reversed().prefix { $0 == "\\" }.count
            if backslashes % 2 == 1 {
                pending += "\n"
                continue
            }
            if !pending.trimmingSpaces().isEmpty { commands.append(pending) }
            pending = ""
        }
        if !pending.trimmingSpaces().isEmpty { commands.append(pending) }
        guard !commands.isEmpty else { throw schema.document.error(node, "'\(what).cmd' is empty") }
        return commands
    }

    private func params(_ node: YAMLNode, _ what: String, _ directory: String) throws -> [ParamSelection] {
        var result: [ParamSelection] = []
        func add(_ file: String, _ keys: [String]?) {
            if let index = result.firstIndex(where: { $0.file == file }) {
                guard let old = result[index].keys, let keys else {
                    result[index].keys = nil
                    return
                }
                result[index].keys = old + keys.filter { !old.contains($0) }
            } else {
                result.append(ParamSelection(file: file, keys: keys))
            }
        }
        for element in try schema.list(node, "\(what).params") {
            if let entries = element.entries {
                for (key, value) in entries {
                    let file = try schema.path(key, "\(what).params", in: directory)
                    add(file, value.isNull ? nil : try schema.texts(value, "\(what).params"))
                }
            } else {
                add(
                    try RepositoryPath.normalize("params.yaml", in: directory),
                    [try schema.text(element, "\(what).params")])
            }
        }
        return result
    }

    /// The same path twice, or as input and output at once, is a mistake that is better told at its place.
    private func checkPaths(_ stage: Stage, _ node: YAMLNode) throws {
        var seen: Set<String> = []
        for output in stage.outputs where !seen.insert(output.path).inserted {
            throw schema.document.error(node, "stage '\(stage.name)' lists the output '\(output.path)' more than once")
        }
        for dependency in stage.dependencies where seen.contains(dependency) {
            throw schema.document.error(
                node, "stage '\(stage.name)' has '\(dependency)' both as a dependency and as an output")
        }
    }

    private func settings(_ node: YAMLNode, _ what: String, _ directory: String) throws -> StageSettings {
        let keys = ["executor", "resources", "env", "uses", "seed", "retries", "timeout", "gates", "tags"]
        let fields = try schema.closed(node, what, keys: keys)
        var settings = StageSettings()
        settings.executor = try fields["executor"].map { try schema.text($0, "\(what).executor") }
        if let node = fields["resources"] {
            _ = try schema.mapping(node, "\(what).resources")
            settings.resources = node.json.objectValue ?? [:]
        }
        if let node = fields["env"] {
            settings.environment = try schema.texts(node, "\(what).env")
            for name in settings.environment where name.isEmpty || name.contains("=") {
                throw schema.document.error(node, "'\(what).env' lists names of variables, and '\(name)' is none")
            }
        }
        if let node = fields["uses"] {
            settings.uses = try schema.texts(node, "\(what).uses")
            settings.usedFiles = try schema.list(node, "\(what).uses").map { element in
                // The kind before the colon says what the file is to the reader; all of them are files.
                let text = try schema.text(element, "\(what).uses")
                let path = text.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
                return try schema.path(element.scalar(.string(path), text: path), "\(what).uses", in: directory)
            }
        }
        settings.seed = try fields["seed"].map { try schema.integer($0, "\(what).seed") }
        if let node = fields["retries"] {
            let count = try schema.integer(node, "\(what).retries")
            guard (0...1000).contains(count) else {
                throw schema.document.error(node, "'\(what).retries' must be between 0 and 1000")
            }
            settings.retries = Int(count)
        }
        if let node = fields["timeout"] {
            guard StageTimeout.seconds(node.json) != nil else {
                throw schema.document.error(
                    node, "'\(what).timeout' must be seconds or a text such as '30m', '2h' or '1h30m'")
            }
            settings.timeout = node.json
        }
        if let node = fields["gates"] {
            settings.gates = try schema.list(node, "\(what).gates").map {
                let keys = ["metric", "max", "min", "max_increase", "max_decrease"]
                let gate = try schema.closed($0, "\(what).gates", keys: keys)
                guard let metric = gate["metric"], metric.stringValue != nil else {
                    throw schema.document.error($0, "a gate needs 'metric'")
                }
                return $0.json.objectValue ?? [:]
            }
        }
        settings.tags = try fields["tags"].map { try schema.texts($0, "\(what).tags") } ?? []
        return settings
    }
}
