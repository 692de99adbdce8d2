import Base

/// The values `${…}` can name, and which of them were used.
struct TemplateContext {
    private(set) var values = JSONObject()
    /// Files that were loaded, with what was taken from each.
    private var files: [(file: String, values: JSON)] = []
    private var loadedWhole: Set<String> = []
    private(set) var used: Set<ParamUse> = []

    struct ParamUse: Hashable {
        var file: String
        var key: String
    }

    /// Adds values from a file: all of them, or those under `keys`.
    mutating func load(_ value: JSON, file: String, keys: [String]? = nil) throws {
        guard case .object = value else { throw MLError(.invalidInput, "'\(file)' must be a mapping") }
        guard let keys else {
            if !loadedWhole.insert(file).inserted { return }
            files.append((file, value))
            return try add(value, from: file)
        }
        if loadedWhole.contains(file) { return }
        for key in keys {
            guard let part = Params.lookup(key, in: value) else {
                throw MLError(.notFound, "could not find '\(key)' in '\(file)'")
            }
            let nested = key.split(separator: ".").reversed().reduce(part) { .object([String($1): $0]) }
            files.append((file, nested))
            try add(nested, from: file)
        }
    }

    /// Merges a mapping; a leaf that is there already is an error.
    mutating func add(_ value: JSON, from source: String) throws {
        guard case .object(let object) = value else { throw MLError(.invalidInput, "'vars' must hold mappings") }
        values = try TemplateContext.merge(values, object, path: "", source: source)
    }

    /// Sets `item` or `key`, whatever they were.
    mutating func override(_ name: String, _ value: JSON) { values[name] = value }

    /// The value of an expression.
    ///
    /// - Throws: `MLError(.notFound)`, with the nearest name on that level as a hint.
    mutating func select(_ expression: TemplateExpression) throws -> JSON {
        guard let value = expression.select(in: .object(values)) else {
            var level = JSON.object(values)
            for part in expression.parts {
                guard let next = TemplateExpression.step(level, part) else {
                    let names = level.objectValue?.keys ?? []
                    throw MLError(
                        .notFound, "could not find '\(expression.dotted)'", hints: NearestName.hints(part, in: names))
                }
                level = next
            }
            throw MLError(.notFound, "could not find '\(expression.dotted)'")
        }
        for entry in files where expression.select(in: entry.values) != nil {
            used.insert(ParamUse(file: entry.file, key: expression.dotted))
        }
        return value
    }

    mutating func markUsed(_ uses: Set<ParamUse>) { used.formUnion(uses) }

    private static func merge(
        _ old: JSONObject, _ new: JSONObject, path: String, source: String
    ) throws -> JSONObject {
        var result = old
        for (key, value) in new.pairs {
            let name = path.isEmpty ? key : "\(path).\(key)"
            switch (old[key], value) {
            case (nil, _): result[key] = value
            case (.object(let a)?, .object(let b)): result[key] = .object(try merge(a, b, path: name, source: source))
            default: throw MLError(.invalidInput, "'\(name)' from '\(source)' is defined already")
            }
        }
        return result
    }
}

extension TemplateExpression {
    static func step(_ value: JSON, _ part: String) -> JSON? {
        switch value {
        case .object(let object): object[part]
        case .array(let items): Int(part).flatMap { items.indices.contains($0) ? items[$0] : nil }
        default: nil
        }
    }
}
