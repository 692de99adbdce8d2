import Base

/// Unquoted values of TOML 1.0: booleans, numbers, dates.
enum TOMLScalar {
    /// nil when the word is none.
    static func resolve(_ word: String) -> JSON? {
        switch word {
        case "true": return true
        case "false": return false
        case "inf", "+inf": return .number(.infinity)
        case "-inf": return .number(-.infinity)
        case "nan", "+nan", "-nan": return .number(.nan)
        default: break
        }
        if isDate(word) || isTime(word) { return .string(word) }
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            guard let digits = digits(word.dropFirst(2)), let value = Int64(digits, radix: radix), value >= 0,
                digits.first != "-", digits.first != "+"
            else { return nil }
            return .integer(value)
        }
        return number(word)
    }

    /// `1979-05-27`, with whatever follows.
    static func isDate(_ word: String) -> Bool { fits(word, "dddd-dd-dd") }

    private static func isTime(_ word: String) -> Bool { fits(word, "dd:dd:dd") }

    private static func fits(_ word: String, _ form: String) -> Bool {
        let bytes = Array(word.utf8)
        guard bytes.count >= form.utf8.count else { return false }
        return zip(bytes, form.utf8).allSatisfy { byte, wanted in
            wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted
        }
    }

    private static func number(_ word: String) -> JSON? {
        var body = Substring(word)
        if body.first == "-" || body.first == "+" { body = body.dropFirst() }
        let isNegative = word.hasPrefix("-")
        guard let first = body.utf8.first, (0x30...0x39).contains(first) else { return nil }
        let whole = body.prefix { ("0"..."9").contains($0) || $0 == "_" }
        guard let integer = digits(whole), integer == "0" || !integer.hasPrefix("0") else { return nil }
        var rest = body.dropFirst(whole.count)
        if rest.isEmpty { return Int64((isNegative ? "-" : "") + integer).map { .integer($0) } }
        var text = integer
        if rest.first == "." {
            let fraction = rest.dropFirst().prefix { ("0"..."9").contains($0) || $0 == "_" }
            guard let part = digits(fraction) else { return nil }
            text += "." + part
            rest = rest.dropFirst(1 + fraction.count)
        }
        if rest.first == "e" || rest.first == "E" {
            rest = rest.dropFirst()
            let sign = rest.first == "-" || rest.first == "+" ? String(rest.prefix(1)) : ""
            rest = rest.dropFirst(sign.count)
            guard let part = digits(rest) else { return nil }
            text += "e" + sign + part
            rest = ""
        }
        guard rest.isEmpty, let value = Double(text) else { return nil }
        return .number(isNegative ? -value : value)
    }

    /// The digits without the underscores between them; nil when an underscore is not between two digits.
    private static func digits(_ text: Substring) -> String? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        return parts.contains { $0.isEmpty } ? nil : parts.joined()
    }
}
