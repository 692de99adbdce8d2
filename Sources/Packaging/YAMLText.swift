import Base

/// JSON values as YAML 1.2 in block style: the same value gives the same text, which both versions of YAML read alike.
public enum YAMLText {
    /// A document, ending in a line feed.
    public static func document(_ value: JSON) -> String {
        var out = ""
        write(value, indent: 0, into: &out)
        if out.hasPrefix("\n") { out.removeFirst() }
        return out.hasSuffix("\n") ? out : out + "\n"
    }

    /// Writes what follows a key or a dash: ` value` on the same line, or lines of its own.
    private static func write(_ value: JSON, indent: Int, into out: inout String) {
        let margin = String(repeating: " ", count: indent)
        switch value {
        case .object(let object) where !object.isEmpty:
            out += "\n"
            for (key, value) in object.pairs {
                out += margin + spell(key) + ":"
                write(value, indent: indent + 2, into: &out)
                if !out.hasSuffix("\n") { out += "\n" }
            }
        case .array(let items) where !items.isEmpty:
            out += "\n"
            for item in items {
                var lines = ""
                write(item, indent: indent + 2, into: &lines)
                // The first line of what an item holds stands behind the dash.
                if lines.hasPrefix("\n") { lines.removeFirst() }
                out += margin + "- " + lines.drop { $0 == " " }
                if !out.hasSuffix("\n") { out += "\n" }
            }
        case .object: out += " {}"
        case .array: out += " []"
        case .string(let text): out += " " + spell(text)
        default: out += " " + value.compact()
        }
    }

    private static func spell(_ text: String) -> String {
        func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (65...90).contains(byte) }
        let isPlain =
            text.utf8.first.map { isLetter($0) || $0 == 47 } == true
            && text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || "._-/".utf8.contains($0) }
        // What some version of YAML takes for something else than a text.
        let isWord = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(text.lowercased())
        return isPlain && !isWord ? text : JSON.string(text).compact()
    }
}
