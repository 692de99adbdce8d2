import Base

/// Fills in the templates of a node tree.
struct Interpolator {
    var context: TemplateContext
    let document: YAMLDocument
    let options: TemplateOptions

    /// `node` with every `${…}` replaced, keys of mappings included.
    ///
    /// - Parameter path: where the node stands, as `stages.train.cmd`, for messages.
    mutating func resolve(_ node: YAMLNode, path: String, isCommand: Bool = false) throws -> YAMLNode {
        switch node.content {
        case .scalar(.string(let text), _):
            guard Template.isNeeded(text) else { return node }
            return try resolveText(text, node, path, isCommand)
        case .scalar:
            return node
        case .sequence(let elements):
            var result: [YAMLNode] = []
            result.reserveCapacity(elements.count)
            for element in elements { result.append(try resolve(element, path: path, isCommand: isCommand)) }
            return node.with(.sequence(result))
        case .mapping(let entries):
            var result: [(key: YAMLNode, value: YAMLNode)] = []
            result.reserveCapacity(entries.count)
            for (key, value) in entries {
                let name = try resolve(key, path: path)
                result.append((name, try resolve(value, path: "\(path).\(key.keyText ?? "")", isCommand: isCommand)))
            }
            return node.with(.mapping(result))
        }
    }

    /// The native value behind a node that may be one `${…}` naming a list or mapping: for `foreach` and `matrix`.
    mutating func resolveValue(_ node: YAMLNode, path: String) throws -> JSON {
        if let text = node.stringValue, Template.isNeeded(text) {
            return try placed(node, path) { interpolator in
                if case .expression(let expression)? = try interpolator.single(text) {
                    return try interpolator.context.select(expression)
                }
                return .string(try interpolator.render(text, isCommand: false))
            }
        }
        return try resolve(node, path: path).json
    }

    private mutating func resolveText(
        _ text: String, _ node: YAMLNode, _ path: String, _ isCommand: Bool
    ) throws -> YAMLNode {
        try placed(node, path) { interpolator in
            if !isCommand, case .expression(let expression)? = try interpolator.single(text) {
                let value = try interpolator.context.select(expression)
                try Interpolator.checkScalar(value, expression)
                return node.scalar(value, text: TemplateOptions.spell(value))
            }
            let rendered = try interpolator.render(text, isCommand: isCommand)
            return node.scalar(.string(rendered), text: rendered)
        }
    }

    /// The only piece of a text that is exactly one expression.
    private func single(_ text: String) throws -> Template.Piece? {
        let pieces = try Template(text).pieces
        return pieces.count == 1 ? pieces.first : nil
    }

    private mutating func render(_ text: String, isCommand: Bool) throws -> String {
        var out = ""
        for piece in try Template(text).pieces {
            switch piece {
            case .text(let text): out += text
            case .expression(let expression):
                let value = try context.select(expression)
                if isCommand, case .object = value {
                    out += try options.flags(value)
                } else {
                    try Interpolator.checkScalar(value, expression)
                    out += TemplateOptions.spell(value)
                }
            }
        }
        return out
    }

    private static func checkScalar(_ value: JSON, _ expression: TemplateExpression) throws {
        switch value {
        case .array:
            throw MLError(.invalidInput, "'\(expression.dotted)' is a list and cannot become text")
        case .object:
            throw MLError(.invalidInput, "'\(expression.dotted)' is a mapping and cannot become text here")
        default: break
        }
    }

    /// Puts the place in the file before an error.
    private mutating func placed<T>(
        _ node: YAMLNode, _ path: String, _ body: (inout Interpolator) throws -> T
    ) throws -> T {
        do { return try body(&self) } catch let error as MLError {
            throw document.error(node, "failed to parse '\(path)': \(error.message)", hints: error.hints)
        }
    }
}
