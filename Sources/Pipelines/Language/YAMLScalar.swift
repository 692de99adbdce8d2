import Base

/// Plain scalars of the YAML 1.2 core schema (YAML 1.2.2, section 10.3.2).
///
/// Only `true` and `false` (also capitalised) are booleans: `yes`, `on` and `NO` are text.
public enum YAMLScalar {
    /// The value of an unquoted scalar.
    public static func resolve(_ text: String) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
        default: break
        }
        guard let first = text.utf8.first else { return .null }
        switch first {
        case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): return number(text) ?? .string(text)
        default: return .string(text)
        }
    }

    private static func number(_ text: String) -> JSON? {
        if text.hasPrefix("0o") { return Int64(text.dropFirst(2), radix: 8).flatMap { $0 < 0 ? nil : .integer($0) } }
        if text.hasPrefix("0x") { return Int64(text.dropFirst(2), radix: 16).flatMap { $0 < 0 ? nil : .integer($0) } }
        guard isDecimal(Array(text.utf8)) else { return nil }
        if let value = Int64(text) { return .integer(value) }
        // Swift's reader wants no sign-only, no leading '+', and digits on both sides of the point are optional in YAML.
        return Double(text.hasPrefix("+") ? String(text.dropFirst()) : text).map { .number($0) }
    }

    /// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
    private static func isDecimal(_ bytes: [UInt8]) -> Bool {
        var position = 0
        func digits() -> Int {
            let start = position
            while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
            return position - start
        }
        func sign() {
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
        }
        sign()
        let whole = digits()
        var fraction = 0
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            fraction = digits()
        }
        guard whole + fraction > 0 else { return false }
        if position < bytes.count, bytes[position] == UInt8(ascii: "e") || bytes[position] == UInt8(ascii: "E") {
            position += 1
            sign()
            guard digits() > 0 else { return false }
        }
        return position == bytes.count
    }
}
