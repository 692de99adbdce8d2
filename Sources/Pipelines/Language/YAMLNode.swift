import Base

/// One node of a YAML document with the place it was written at.
public struct YAMLNode: Sendable {
    /// What the node holds.
    public enum Content: Sendable {
        /// A value of the YAML 1.2 core schema together with its spelling in the file.
        case scalar(JSON, text: String)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    public var content: Content
    /// Line and column, both from 1; columns count Unicode scalars.
    public var line: Int
    public var column: Int

    public init(_ content: Content, line: Int, column: Int) {
        self.content = content
        self.line = line
        self.column = column
    }

    /// The same place with other content.
    func with(_ content: Content) -> YAMLNode { YAMLNode(content, line: line, column: column) }

    /// A scalar at this place.
    func scalar(_ value: JSON, text: String) -> YAMLNode { with(.scalar(value, text: text)) }

    /// The text of a scalar that is a string in the core schema.
    public var stringValue: String? {
        if case .scalar(.string(let text), _) = content { return text }
        return nil
    }

    /// The spelling of any scalar, as keys need it: `1:` is the key `1`.
    public var keyText: String? {
        if case .scalar(_, let text) = content { return text }
        return nil
    }

    /// Whether nothing was written.
    public var isNull: Bool {
        if case .scalar(.null, _) = content { return true }
        return false
    }

    /// The elements of a sequence.
    public var elements: [YAMLNode]? {
        if case .sequence(let elements) = content { return elements }
        return nil
    }

    /// The entries of a mapping in the order of the file.
    public var entries: [(key: YAMLNode, value: YAMLNode)]? {
        if case .mapping(let entries) = content { return entries }
        return nil
    }

    /// The value of a key of a mapping.
    public subscript(key: String) -> YAMLNode? { entries?.first { $0.key.keyText == key }?.value }

    /// The node without its places.
    public var json: JSON {
        switch content {
        case .scalar(let value, _): value
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let entries): .object(JSONObject(entries.map { ($0.key.keyText ?? "", $0.value.json) }))
        }
    }

    /// What the node is, for "must be text, not …".
    public var kind: String {
        switch content {
        case .scalar(.null, _): "empty"
        case .scalar(.bool, _): "a boolean"
        case .scalar(.integer, _), .scalar(.number, _): "a number"
        case .scalar: "text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
