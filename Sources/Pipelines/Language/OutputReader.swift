import Base

/// Reads the lists `outs`, `metrics` and `plots` of a stage.
struct OutputReader {
    let schema: SchemaReader
    let directory: String

    static let flags = ["cache", "persist", "push", "remote", "checkpoint", "desc", "type", "labels", "meta"]
    static let plotProperties = ["template", "x", "y", "x_label", "y_label", "title", "header"]

    func read(_ node: YAMLNode, kind: Output.Kind, what: String) throws -> [Output] {
        var result: [Output] = []
        for element in try schema.list(node, what) {
            guard let entries = element.entries else {
                result.append(Output(path: try path(element, what), kind: kind))
                continue
            }
            for (key, value) in entries {
                var output = Output(path: try path(key, what), kind: kind)
                // A plot may carry a list of ways to draw it; its flags are those of the first that has any.
                if kind == .plot, let drawings = value.elements {
                    for drawing in drawings { try apply(drawing, to: &output, what) }
                    output.properties = ["drawings": .array(drawings.map(\.json))]
                } else if !value.isNull {
                    try apply(value, to: &output, what)
                }
                result.append(output)
            }
        }
        return result
    }

    /// Outputs are deleted before a run, so the top of the repository cannot be one.
    private func path(_ node: YAMLNode, _ what: String) throws -> String {
        let path = try schema.path(node, what, in: directory)
        guard path != "." else {
            throw schema.document.error(node, "'\(what)': the whole repository cannot be an output")
        }
        return path
    }

    private func apply(_ node: YAMLNode, to output: inout Output, _ what: String) throws {
        let keys = output.kind == .plot ? OutputReader.flags + OutputReader.plotProperties : OutputReader.flags
        let place = "\(what).\(output.path)"
        _ = try schema.closed(node, place, keys: keys)
        for (key, value) in node.entries ?? [] {
            switch key.keyText {
            case "cache": output.isCached = try schema.boolean(value, "\(place).cache")
            case "persist": output.isPersistent = try schema.boolean(value, "\(place).persist")
            case "push": output.isPushed = try schema.boolean(value, "\(place).push")
            case "checkpoint": _ = try schema.boolean(value, "\(place).checkpoint")
            case "desc": output.summary = try schema.text(value, "\(place).desc")
            case "remote":
                throw schema.document.error(
                    key, "'\(place).remote' is not supported",
                    hints: ["remotes are configured for the repository: git mldata remote"])
            case let name?: output.properties[name] = value.json
            case nil: break
            }
        }
    }
}
