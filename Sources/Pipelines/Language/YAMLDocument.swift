import Base
import Yams

/// A YAML file read into nodes that know their place.
public struct YAMLDocument: Sendable {
    /// The name used in messages.
    public var name: String
    /// nil when the file holds nothing but comments.
    public var root: YAMLNode?

    /// A file that expands (through aliases) to more nodes than this is refused.
    static let maximumNodes = 2_000_000

    /// Reads one YAML 1.2 document.
    ///
    /// - Throws: `MLError(.invalidInput)` that starts with `name:line:column:`.
    public init(_ bytes: [UInt8], name: String) throws {
        self.name = name
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MLError(.invalidInput, "\(name):\(YAMLDocument.firstBadLine(bytes)):1: the file is not UTF-8 text")
        }
        do {
            guard let node = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot() else { return }
            var reader = NodeReader(name: name)
            root = try reader.read(node)
        } catch let error as YamlError {
            throw YAMLDocument.translate(error, name: name, text: text)
        }
    }

    /// An error at a node of this file.
    public func error(_ node: YAMLNode, _ message: String, hints: [String] = []) -> MLError {
        MLError(.invalidInput, "\(name):\(node.line):\(node.column): \(message)", hints: hints)
    }

    private static func firstBadLine(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        return (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0) + 1
    }

    private static func translate(_ error: YamlError, name: String, text: String) -> MLError {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = context.map { "\(problem) \($0.text)" } ?? problem
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let near = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
            var hints: [String] = []
            if near.contains("${") && (near.contains("[") || near.contains("{")) {
                hints = ["inside [ ] and { }, put text that contains '${' in double quotes"]
            } else if near.contains("\t") {
                hints = ["YAML is indented with spaces, not with tabs"]
            }
            return MLError(.invalidInput, "\(name):\(mark.line):\(mark.column): invalid YAML: \(words)", hints: hints)
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            return MLError(
                .invalidInput,
                "\(name):\(context.mark.line):\(context.mark.column): the key '\(key)' is given more than once")
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            let column = (before.split(separator: "\n", omittingEmptySubsequences: false).last?.count ?? 0) + 1
            return MLError(.invalidInput, "\(name):\(line):\(column): invalid YAML: \(problem)")
        default:
            return MLError(.invalidInput, "\(name):1:1: invalid YAML: \(error)")
        }
    }
}

/// Turns Yams' nodes into ours: values of the core schema, merge keys resolved, a limit on what aliases expand to.
private struct NodeReader {
    let name: String
    var count = 0

    mutating func read(_ node: Node) throws -> YAMLNode {
        count += 1
        let line = node.mark?.line ?? 1
        let column = node.mark?.column ?? 1
        guard count <= YAMLDocument.maximumNodes else {
            throw MLError(.invalidInput, "\(name):\(line):\(column): the file expands to too many values")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain && scalar.tag.description != Tag.Name.str.rawValue
            let value = isPlain ? YAMLScalar.resolve(scalar.string) : .string(scalar.string)
            return YAMLNode(.scalar(value, text: scalar.string), line: line, column: column)
        case .sequence(let sequence):
            var elements: [YAMLNode] = []
            for element in sequence { elements.append(try read(element)) }
            return YAMLNode(.sequence(elements), line: line, column: column)
        case .mapping(let mapping):
            return YAMLNode(.mapping(try entries(mapping)), line: line, column: column)
        case .alias:
            throw MLError(.invalidInput, "\(name):\(line):\(column): an alias without a value")
        }
    }

    private mutating func entries(_ mapping: Node.Mapping) throws -> [(key: YAMLNode, value: YAMLNode)] {
        var own: [(key: YAMLNode, value: YAMLNode)] = []
        var merged: [(key: YAMLNode, value: YAMLNode)] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                let mark = key.mark
                throw MLError(
                    .invalidInput,
                    "\(name):\(mark?.line ?? 1):\(mark?.column ?? 1): a key must be text, not a list or mapping")
            }
            let keyNode = YAMLNode(
                .scalar(.string(scalar.string), text: scalar.string), line: scalar.mark?.line ?? 1,
                column: scalar.mark?.column ?? 1)
            let valueNode = try read(value)
            if scalar.string == "<<" && scalar.style == .plain {
                merged += try mergeSources(valueNode)
            } else {
                own.append((keyNode, valueNode))
            }
        }
        if merged.isEmpty { return own }
        // A key written in the mapping itself wins over a merged one; of two merged ones the first wins.
        var seen = Set(own.compactMap { $0.key.keyText })
        return own + merged.filter { seen.insert($0.key.keyText ?? "").inserted }
    }

    private func mergeSources(_ node: YAMLNode) throws -> [(key: YAMLNode, value: YAMLNode)] {
        if let entries = node.entries { return entries }
        if let elements = node.elements, elements.allSatisfy({ $0.entries != nil }) {
            return elements.flatMap { $0.entries ?? [] }
        }
        throw MLError(.invalidInput, "\(name):\(node.line):\(node.column): '<<' needs a mapping, not \(node.kind)")
    }
}
