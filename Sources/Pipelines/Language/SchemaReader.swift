import Base

/// Reads nodes as the types the language wants; every error names file, line and column.
struct SchemaReader {
    let document: YAMLDocument

    func mapping(_ node: YAMLNode, _ what: String) throws -> [(key: YAMLNode, value: YAMLNode)] {
        guard let entries = node.entries else { throw wrongType(node, what, "a mapping") }
        return entries
    }

    /// The entries of a mapping that may have only these keys.
    func closed(
        _ node: YAMLNode, _ what: String, keys: [String]
    ) throws -> [String: YAMLNode] {
        var result: [String: YAMLNode] = [:]
        for (key, value) in try mapping(node, what) {
            let name = key.keyText ?? ""
            guard keys.contains(name) else {
                throw document.error(
                    key, "unknown key '\(name)' in '\(what)'", hints: unknownKeyHints(name, keys))
            }
            result[name] = value
        }
        return result
    }

    func list(_ node: YAMLNode, _ what: String) throws -> [YAMLNode] {
        guard let elements = node.elements else { throw wrongType(node, what, "a list") }
        return elements
    }

    func text(_ node: YAMLNode, _ what: String) throws -> String {
        guard let text = node.stringValue else {
            let hints = node.keyText == nil || node.isNull ? [] : ["put it in quotes to make it text"]
            throw wrongType(node, what, "text", hints: hints)
        }
        return text
    }

    func texts(_ node: YAMLNode, _ what: String) throws -> [String] { try list(node, what).map { try text($0, what) } }

    func boolean(_ node: YAMLNode, _ what: String) throws -> Bool {
        guard let value = node.json.boolValue else { throw wrongType(node, what, "true or false") }
        return value
    }

    func integer(_ node: YAMLNode, _ what: String) throws -> Int64 {
        guard case .integer(let value) = node.json else { throw wrongType(node, what, "a whole number") }
        return value
    }

    /// A path written relative to `folder`, as seen from the top of the repository.
    func path(_ node: YAMLNode, _ what: String, in folder: String) throws -> String {
        let written = try text(node, what)
        do { return try RepositoryPath.normalize(written, in: folder) } catch let error as MLError {
            throw document.error(node, "'\(what)': \(error.message)")
        }
    }

    func wrongType(_ node: YAMLNode, _ what: String, _ wanted: String, hints: [String] = []) -> MLError {
        document.error(node, "'\(what)' must be \(wanted), not \(node.kind)", hints: hints)
    }

    private func unknownKeyHints(_ name: String, _ keys: [String]) -> [String] {
        let near = NearestName.hints(name, in: keys)
        return near.isEmpty ? ["known keys: " + keys.joined(separator: ", ")] : near
    }
}
