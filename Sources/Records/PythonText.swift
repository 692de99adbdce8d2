import Base

/// Values as Python prints them inside of lists: how DVC shows a list in tables and in the JSON of its diffs.
public enum PythonText {
    public static func spell(_ value: JSON) -> String {
        switch value {
        case .null: return "None"
        case .bool(let flag): return flag ? "True" : "False"
        case .integer, .number: return value.compact()
        case .string(let text): return quoted(text)
        case .array(let items): return "[" + items.map(spell).joined(separator: ", ") + "]"
        case .object(let object):
            return "{" + object.pairs.map { "\(quoted($0.key)): \(spell($0.value))" }.joined(separator: ", ") + "}"
        }
    }

    /// In single quotes, or in double ones where the text has a single one and no double one.
    private static func quoted(_ text: String) -> String {
        let mark: Character = text.contains("'") && !text.contains("\"") ? "\"" : "'"
        var out = String(mark)
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case mark: out += "\\\(mark)"
            default: out.append(character)
            }
        }
        return out + String(mark)
    }
}
