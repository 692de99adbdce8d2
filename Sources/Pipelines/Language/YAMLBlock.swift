import Base

/// Writes values as block YAML 1.2.
enum YAMLBlock {
    static func write(_ value: JSON) -> String {
        var out = ""
        block(value, indent: 0, into: &out)
        return out
    }

    /// A value on lines of its own.
    private static func block(_ value: JSON, indent: Int, into out: inout String) {
        let margin = String(repeating: " ", count: indent)
        switch value {
        case .object(let object) where !object.isEmpty:
            for (key, value) in object.pairs {
                out += margin + scalar(.string(key)) + ":"
                after(value, indent: indent, into: &out)
            }
        case .array(let items) where !items.isEmpty:
            for item in items {
                var text = ""
                block(item, indent: indent + 2, into: &text)
                out += margin + "- " + text.dropFirst(indent + 2)
            }
        default: out += margin + scalar(value) + "\n"
        }
    }

    /// What follows `key:`.
    private static func after(_ value: JSON, indent: Int, into out: inout String) {
        switch value {
        case .object(let object) where !object.isEmpty:
            out += "\n"
            block(value, indent: indent + 2, into: &out)
        case .array(let items) where !items.isEmpty:
            // Lists stand at their key's own margin, as ruamel.yaml writes them for DVC.
            out += "\n"
            block(value, indent: indent, into: &out)
        default: out += " " + scalar(value) + "\n"
        }
    }

    /// A value on one line.
    static func scalar(_ value: JSON) -> String {
        switch value {
        case .null: return "null"
        case .number(let number) where !number.isFinite: return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf"
        case .string(let text):
            if isPlain(text) { return text }
            let isPrintable = text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && ![0x2028, 0x2029, 0xFEFF].contains($0.value)
            }
            if !isPrintable { return JSON.string(text).compact() }
            return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        default: return value.compact()
        }
    }

    /// Whether text reads back as itself without quotes, also by readers of YAML 1.1.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            case .string = YAMLScalar.resolve(text)
        else { return false }
        if "-?:,[]{}#&*!|>'\"%@`=<~ .".unicodeScalars.contains(first) && !isPath(text) { return false }
        if last == " " || last == ":" { return false }
        if ["yes", "no", "on", "off", "y", "n"].contains(text.lowercased()) { return false }
        // Dates, times and numbers with underscores mean something in YAML 1.1.
        if text.unicodeScalars.allSatisfy({ "0123456789+-_.:TtZz ".unicodeScalars.contains($0) }) { return false }
        var previous: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) { return false }
            if [0x2028, 0x2029, 0xFEFF].contains(scalar.value) { return false }
            if previous == ":" && scalar == " " || previous == " " && scalar == "#" { return false }
            previous = scalar
        }
        return true
    }

    private static func isPath(_ text: String) -> Bool { text.hasPrefix("../") || text.hasPrefix("./") }
}
