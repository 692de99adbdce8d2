import Base
import Yams

/// A YAML file of DVC read into plain values: every scalar is a string, as it is written.
struct DVCDocument {
    let name: String
    let root: JSON

    /// - Throws: `MLError(.invalidInput)` naming the file, and the line when the YAML is wrong.
    init(_ bytes: [UInt8], name: String) throws {
        self.name = name
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MLError(.invalidInput, "'\(name)' is not UTF-8 text")
        }
        do {
            root = try Yams.compose(yaml: text, .basic).map(DVCDocument.convert) ?? .object([:])
        } catch let error as YamlError {
            let line = "\(error)".split(separator: "\n").first.map(String.init) ?? ""
            throw MLError(.invalidInput, "'\(name)' is not valid YAML: \(line)")
        }
    }

    private static func convert(_ node: Node) -> JSON {
        switch node {
        case .scalar(let scalar): .string(scalar.string)
        case .sequence(let sequence): .array(sequence.map(convert))
        case .mapping(let mapping): .object(JSONObject(mapping.map { ($0.key.string ?? "", convert($0.value)) }))
        case .alias: .null
        }
    }
}

extension JSON {
    /// A YAML boolean of DVC's files.
    var isTrue: Bool { ["true", "True", "TRUE"].contains(stringValue ?? "") }
    var isFalse: Bool { ["false", "False", "FALSE"].contains(stringValue ?? "") }
}
