import Base

extension PipelineParser {
    /// The stages one definition stands for: itself, or one for each element of `foreach` or `matrix`.
    mutating func expand(
        _ node: YAMLNode, name: String, _ read: (String) throws -> [UInt8]?
    ) throws -> [Stage] {
        let what = "stages.\(name)"
        let fields = try schema.closed(node, what, keys: StageReader.definitionKeys)
        if fields["foreach"] != nil, fields["matrix"] != nil {
            throw document.error(node, "'\(what)' has both 'foreach' and 'matrix'")
        }
        if let each = fields["foreach"] {
            guard let body = fields["do"] else { throw document.error(node, "'\(what)' has 'foreach' but no 'do'") }
            if let other = node.entries?.first(where: { $0.key.keyText != "foreach" && $0.key.keyText != "do" }) {
                throw document.error(
                    other.key, "'\(other.key.keyText ?? "")' belongs under 'do' when there is 'foreach'")
            }
            _ = try schema.closed(body, "\(what).do", keys: StageReader.keys)
            return try variants(each, what).map { variant in
                try build(body, name: "\(name)@\(variant.name)", what: "\(what).do", variant: variant, read)
            }
        }
        if fields["do"] != nil { throw document.error(node, "'\(what)' has 'do' but no 'foreach'") }
        if let matrix = fields["matrix"] {
            let body = node.with(.mapping((node.entries ?? []).filter { $0.key.keyText != "matrix" }))
            return try combinations(matrix, what).map { variant in
                try build(body, name: "\(name)@\(variant.name)", what: what, variant: variant, read)
            }
        }
        return [try build(node, name: name, what: what, variant: nil, read)]
    }

    /// One element: what follows `@` in the name, and what `${item}` and `${key}` stand for.
    struct Variant {
        var name: String
        var item: JSON
        var key: String?
    }

    /// A list of scalars, a list with any list or mapping in it (numbered from 0), or a mapping.
    private mutating func variants(_ node: YAMLNode, _ what: String) throws -> [Variant] {
        var interpolator = interpolator(context)
        let value = try interpolator.resolveValue(node, path: "\(what).foreach")
        context.markUsed(interpolator.context.used)
        var result: [Variant] = []
        switch value {
        case .object(let object):
            result = object.pairs.map { Variant(name: $0.key, item: $0.value, key: $0.key) }
        case .array(let items):
            let isNumbered = items.contains { PipelineParser.isComposite($0) }
            result = items.enumerated().map {
                Variant(name: isNumbered ? String($0) : TemplateOptions.spell($1), item: $1, key: nil)
            }
        default: throw schema.wrongType(node, "\(what).foreach", "a list or a mapping")
        }
        var seen: Set<String> = []
        return result.filter { seen.insert($0.name).inserted }
    }

    /// The product of the lists, the first key changing slowest.
    private mutating func combinations(_ node: YAMLNode, _ what: String) throws -> [Variant] {
        var interpolator = interpolator(context)
        var result = [Variant(name: "", item: [:], key: nil)]
        for (key, value) in try schema.mapping(node, "\(what).matrix") {
            let axis = key.keyText ?? ""
            let resolved = try interpolator.resolveValue(value, path: "\(what).matrix.\(axis)")
            // Of a mapping the keys count, as where Python goes through one.
            guard let items = resolved.arrayValue ?? resolved.objectValue?.keys.map({ .string($0) }) else {
                throw schema.wrongType(value, "\(what).matrix.\(axis)", "a list")
            }
            result = result.flatMap { variant in
                items.enumerated().map { index, item in
                    let name = PipelineParser.isComposite(item) ? "\(axis)\(index)" : TemplateOptions.spell(item)
                    var object = variant.item.objectValue ?? [:]
                    object[axis] = item
                    return Variant(
                        name: variant.name.isEmpty ? name : "\(variant.name)-\(name)", item: .object(object), key: nil)
                }
            }
        }
        context.markUsed(interpolator.context.used)
        return result.map { Variant(name: $0.name, item: $0.item, key: $0.name) }
    }

    private static func isComposite(_ value: JSON) -> Bool {
        switch value {
        case .array, .object: true
        default: false
        }
    }

    private mutating func build(
        _ node: YAMLNode, name: String, what: String, variant: Variant?, _ read: (String) throws -> [UInt8]?
    ) throws -> Stage {
        var local = context
        if let variant {
            for (word, value) in [("item", variant.item), ("key", variant.key.map { JSON.string($0) })] {
                guard let value else { continue }
                if context.values[word] != nil {
                    let warning =
                        "\(document.name):\(node.line):\(node.column): '\(word)' is defined globally; "
                        + "'\(what)' uses its own"
                    if !warnings.contains(warning) { warnings.append(warning) }
                }
                local.override(word, value)
            }
        }
        // The working directory decides where the stage's own variable files are, so it is filled in first.
        if let vars = node["vars"] {
            var directory = folder
            if let node = node["wdir"] {
                var interpolator = interpolator(local)
                directory = try schema.path(
                    try interpolator.resolve(node, path: "\(what).wdir"), "\(what).wdir", in: folder)
                local = interpolator.context
            }
            try load(vars, "\(what).vars", directory, into: &local, read)
        }
        var interpolator = interpolator(local)
        var entries: [(key: YAMLNode, value: YAMLNode)] = []
        for (key, value) in node.entries ?? [] where key.keyText != "vars" {
            let field = key.keyText ?? ""
            entries.append((key, try interpolator.resolve(value, path: "\(what).\(field)", isCommand: field == "cmd")))
        }
        context.markUsed(interpolator.context.used)
        let reader = StageReader(schema: schema, file: document.name, folder: folder)
        return try reader.read(node.with(.mapping(entries)), name: name, what: what)
    }
}
