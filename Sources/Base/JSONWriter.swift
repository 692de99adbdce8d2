extension JSON {
    /// One line without spaces beyond those after `:` and `,`; keys in their order, or sorted by their bytes for hashing.
    public func compact(sortedKeys: Bool = false) -> String {
        var out = ""
        write(into: &out, indent: nil, level: 0, sortedKeys: sortedKeys)
        return out
    }

    /// Two spaces a level and a line an entry, ending in a line feed: for files that Git diffs.
    public func pretty() -> String {
        var out = ""
        write(into: &out, indent: "  ", level: 0, sortedKeys: false)
        out += "\n"
        return out
    }

    private func write(into out: inout String, indent: String?, level: Int, sortedKeys: Bool) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += String(value)
        case .number(let value): out += JSON.spell(value)
        case .string(let value): JSON.quote(value, into: &out)
        case .array(let items):
            // Rows of numbers read better on one line.
            let flat = indent == nil || items.allSatisfy { $0.isScalar }
            JSON.writeList(
                items.count, open: "[", close: "]", indent: flat ? nil : indent, level: level, into: &out
            ) { index, out in
                items[index].write(into: &out, indent: indent, level: level + 1, sortedKeys: sortedKeys)
            }
        case .object(let object):
            let keys =
                sortedKeys
                ? object.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } : object.keys
            JSON.writeList(keys.count, open: "{", close: "}", indent: indent, level: level, into: &out) { index, out in
                JSON.quote(keys[index], into: &out)
                out += ": "
                (object[keys[index]] ?? .null).write(
                    into: &out, indent: indent, level: level + 1, sortedKeys: sortedKeys)
            }
        }
    }

    private static func writeList(
        _ count: Int, open: String, close: String, indent: String?, level: Int, into out: inout String,
        element: (Int, inout String) -> Void
    ) {
        out += open
        for index in 0..<count {
            if index > 0 { out += indent == nil ? ", " : "," }
            if let indent { out += "\n" + String(repeating: indent, count: level + 1) }
            element(index, &out)
        }
        if let indent, count > 0 { out += "\n" + String(repeating: indent, count: level) }
        out += close
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    /// The shortest spelling that reads back as the same number; JSON has no infinity or NaN, so those become null.
    private static func spell(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        return value.description
    }

    private static func quote(_ text: String, into out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            // Bytes of names that are no UTF-8 (`String.init(path:)`): escaped, so that the document is text throughout.
            case "\u{10FF80}"..."\u{10FFFF}": out += "\\udbff\\u" + String(0xDC00 + (scalar.value & 0x3FF), radix: 16)
            case "\u{0}"..<"\u{20}", "\u{7f}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
