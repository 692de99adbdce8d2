import Base

/// Reads the top level of a pipeline file and expands its stages.
struct PipelineParser {
    let document: YAMLDocument
    let options: TemplateOptions
    let schema: SchemaReader
    let folder: String
    var context = TemplateContext()
    var warnings: [String] = []

    static let keys = ["stages", "vars", "params", "metrics", "plots", "artifacts"]

    init(document: YAMLDocument, options: TemplateOptions) {
        self.document = document
        self.options = options
        schema = SchemaReader(document: document)
        folder = RepositoryPath.folder(of: document.name)
    }

    mutating func parse(read: (String) throws -> [UInt8]?) throws -> PipelineFile {
        var result = PipelineFile(
            path: document.name, stages: [], params: [], metrics: [], plots: [], artifacts: [:], templateParams: [],
            warnings: [])
        guard let root = document.root, !root.isNull else { return result }
        if let datasets = root.entries?.first(where: { $0.key.keyText == "datasets" }) {
            throw document.error(datasets.key, "'datasets' is not supported", hints: ["list the files as dependencies"])
        }
        let fields = try schema.closed(root, document.name, keys: PipelineParser.keys)
        try loadContext(fields["vars"], read)
        if let node = fields["stages"] { result.stages = try stages(node, read) }
        var interpolator = interpolator(context)
        func resolved(_ key: String) throws -> YAMLNode? {
            try fields[key].map { try interpolator.resolve($0, path: key) }
        }
        if let node = try resolved("params") { result.params = try paths(node, "params") }
        if let node = try resolved("metrics") { result.metrics = try paths(node, "metrics") }
        if let node = try resolved("plots") { result.plots = try plots(node) }
        if let node = try resolved("artifacts") { result.artifacts = try artifacts(node) }
        context.markUsed(interpolator.context.used)
        result.templateParams = usedParams()
        result.warnings = warnings
        return result
    }

    func interpolator(_ context: TemplateContext) -> Interpolator {
        Interpolator(context: context, document: document, options: options)
    }

    private mutating func loadContext(_ vars: YAMLNode?, _ read: (String) throws -> [UInt8]?) throws {
        let defaults = try RepositoryPath.normalize("params.yaml", in: folder)
        if let bytes = try read(defaults) {
            let value = try Params.load(bytes, name: defaults)
            // A params file may also be a list or empty; then it has nothing a template could name.
            if case .object = value { try context.load(value, file: defaults) }
        }
        if let vars { try load(vars, "vars", folder, into: &context, read) }
    }

    /// `vars`: paths, `path:key1,key2`, or mappings.
    func load(
        _ node: YAMLNode, _ what: String, _ folder: String, into context: inout TemplateContext,
        _ read: (String) throws -> [UInt8]?
    ) throws {
        for element in try schema.list(node, what) {
            try refuseTemplates(element, what)
            do {
                if element.entries != nil {
                    try context.add(element.json, from: what)
                    continue
                }
                let parts = try schema.text(element, what).split(separator: ":", maxSplits: 1).map(String.init)
                let file = try RepositoryPath.normalize(parts.first ?? "", in: folder)
                guard let bytes = try read(file) else { throw MLError(.notFound, "'\(file)' does not exist") }
                let keys =
                    parts.count == 2
                    ? parts[1].split(separator: ",").map { String($0.description.trimmingSpaces()) } : nil
                try context.load(try Params.load(bytes, name: file), file: file, keys: keys)
            } catch let error as MLError where !error.message.hasPrefix(document.name + ":") {
                throw document.error(element, "'\(what)': \(error.message)", hints: error.hints)
            }
        }
    }

    private func refuseTemplates(_ node: YAMLNode, _ what: String) throws {
        switch node.content {
        case .scalar(.string(let text), _):
            if Template.isNeeded(text) { throw document.error(node, "'\(what)' may not contain '${'") }
        case .scalar: break
        case .sequence(let elements): for element in elements { try refuseTemplates(element, what) }
        case .mapping(let entries):
            for (key, value) in entries {
                try refuseTemplates(key, what)
                try refuseTemplates(value, what)
            }
        }
    }

    private mutating func stages(_ node: YAMLNode, _ read: (String) throws -> [UInt8]?) throws -> [Stage] {
        if node.isNull { return [] }
        var result: [Stage] = []
        for (key, value) in try schema.mapping(node, "stages") {
            let name = key.keyText ?? ""
            guard PipelineParser.isStageName(name) else {
                throw document.error(
                    key, "'\(name)' is not a stage name",
                    hints: ["'@', ':', '/' and blanks mean something else in a target on the command line"])
            }
            result += try expand(value, name: name, read)
        }
        return result
    }

    /// Whatever can be named as a target: DVC refuses more when it adds a stage, but reads it.
    static func isStageName(_ name: String) -> Bool {
        !name.isEmpty && !name.contains { $0 == "@" || $0 == ":" || $0 == "/" || $0.isWhitespace }
    }

    private func paths(_ node: YAMLNode, _ what: String) throws -> [String] {
        try schema.list(node, what).map { try schema.path($0, what, in: folder) }
    }

    private func plots(_ node: YAMLNode) throws -> [PlotDefinition] {
        let keys = ["x", "y", "x_label", "y_label", "title", "template"]
        // A mapping, or a list of paths and mappings.
        let parts = node.elements ?? [node]
        var result: [PlotDefinition] = []
        for part in parts {
            guard let entries = part.entries else {
                result.append(PlotDefinition(id: try schema.text(part, "plots"), properties: [:]))
                continue
            }
            for (key, value) in entries {
                let id = key.keyText ?? ""
                if !value.isNull { _ = try schema.closed(value, "plots.\(id)", keys: keys) }
                result.append(PlotDefinition(id: id, properties: value.json.objectValue ?? [:]))
            }
        }
        return result
    }

    private func artifacts(_ node: YAMLNode) throws -> JSONObject {
        var result = JSONObject()
        for (key, value) in try schema.mapping(node, "artifacts") {
            let name = key.keyText ?? ""
            let fields = try schema.closed(
                value, "artifacts.\(name)", keys: ["path", "desc", "type", "labels", "meta"])
            guard let path = fields["path"] else { throw document.error(key, "'artifacts.\(name)' has no 'path'") }
            _ = try schema.path(path, "artifacts.\(name).path", in: folder)
            result[name] = value.json
        }
        return result
    }

    private func usedParams() -> [ParamSelection] {
        let files = Set(context.used.map(\.file)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return files.map { file in
            let keys = context.used.filter { $0.file == file }.map(\.key)
            return ParamSelection(file: file, keys: keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }
    }
}
