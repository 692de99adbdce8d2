import Base

/// Reads what Python's `ast.literal_eval` takes, as far as JSON can hold it.
struct PythonLiteral {
    var scanner: TextScanner

    /// The value; nil when the rest of the text is anything but one literal.
    mutating func whole() -> JSON? {
        guard let first = value() else { return nil }
        // `1, 2` is a tuple without brackets.
        // (A bare `nil` in a conditional would be JSON's null.)
        guard let next = peek() else { return first }
        guard next == "," else { return nil }
        var items = [first]
        while take(",") {
            if peek() == nil { break }
            guard let next = value() else { return nil }
            items.append(next)
        }
        guard peek() == nil else { return nil }
        return .array(items)
    }

    private mutating func value() -> JSON? {
        guard scanner.depth < TextScanner.maximumDepth, let next = peek() else { return nil }
        scanner.depth += 1
        defer { scanner.depth -= 1 }
        switch next {
        case "(": return tuple()
        case "[":
            scanner.advance()
            return items(until: "]").map { .array($0.values) }
        case "{": return braces()
        case "-", "+":
            scanner.advance()
            switch value() {
            case .integer(let number)?: return .integer(next == "-" ? 0 &- number : number)
            case .number(let number)?: return .number(next == "-" ? -number : number)
            default: return nil
            }
        case "0"..."9", ".": return number()
        default: return word()
        }
    }

    private mutating func tuple() -> JSON? {
        scanner.advance()
        guard let (values, hasComma) = items(until: ")") else { return nil }
        if let only = values.first, values.count == 1, !hasComma { return only }
        return .array(values)
    }

    private mutating func items(until end: Unicode.Scalar) -> (values: [JSON], hasComma: Bool)? {
        var values: [JSON] = []
        var hasComma = false
        while !take(end) {
            guard let next = value() else { return nil }
            values.append(next)
            if take(",") { hasComma = true } else if peek() != end { return nil }
        }
        return (values, hasComma)
    }

    /// A dictionary or a set.
    private mutating func braces() -> JSON? {
        scanner.advance()
        if take("}") { return [:] }
        guard let first = value() else { return nil }
        guard take(":") else {
            if peek() != "}", !take(",") { return nil }
            return items(until: "}").map { .array([first] + $0.values) }
        }
        guard let value = value() else { return nil }
        var object = JSONObject([(PythonLiteral.key(first), value)])
        while !take("}") {
            guard take(",") else { return nil }
            if take("}") { break }
            guard let key = self.value(), take(":"), let value = self.value() else { return nil }
            object[PythonLiteral.key(key)] = value
        }
        return .object(object)
    }

    private static func key(_ value: JSON) -> String {
        switch value {
        case .bool(let flag): flag ? "True" : "False"
        case .null: "None"
        default: TemplateOptions.spell(value)
        }
    }

    private mutating func number() -> JSON? {
        let start = scanner
        var text = scanner.takeWhile { PythonParams.isWord($0) || $0 == "." }
        // The sign of an exponent belongs to the number.
        if !text.hasPrefix("0x"), !text.hasPrefix("0X"), text.last == "e" || text.last == "E",
            let sign = scanner.peek, sign == "-" || sign == "+"
        {
            scanner.advance()
            text += String(sign) + scanner.takeWhile { PythonParams.isWord($0) }
        }
        guard !text.hasSuffix("_"), !text.contains("__") else {
            scanner = start
            return nil
        }
        text = text.replacing("_", with: "").lowercased()
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
            return Int64(text.dropFirst(2), radix: radix).map { .integer($0) }
        }
        if let value = Int64(text) { return .integer(value) }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || ".e+-".utf8.contains($0) }) else { return nil }
        return Double(text.hasSuffix(".") ? text + "0" : text).map { .number($0) }
    }

    private mutating func word() -> JSON? {
        var text: String?
        while let next = peek() {
            let start = scanner
            let prefix = scanner.takeWhile(PythonParams.isWord)
            guard scanner.peek == "\"" || scanner.peek == "'" else {
                scanner = start
                if text != nil { break }
                guard next != "\"", next != "'" else { return nil }
                _ = scanner.takeWhile(PythonParams.isWord)
                return constant(prefix)
            }
            guard ["", "r", "u"].contains(prefix.lowercased()), let part = string(isRaw: prefix.lowercased() == "r")
            else { return nil }
            text = (text ?? "") + part
        }
        return text.map { .string($0) }
    }

    private mutating func constant(_ word: String) -> JSON? {
        switch word {
        case "True": return true
        case "False": return false
        case "None": return .null
        case "set":
            guard take("("), take(")") else { return nil }
            return .array([])
        default: return nil
        }
    }

    private mutating func string(isRaw: Bool) -> String? {
        guard let quote = scanner.peek else { return nil }
        let isLong = scanner.peek(1) == quote && scanner.peek(2) == quote
        scanner.advance(isLong ? 3 : 1)
        var out = ""
        while let next = scanner.peek {
            if next == quote, !isLong || (scanner.peek(1) == quote && scanner.peek(2) == quote) {
                scanner.advance(isLong ? 3 : 1)
                return out
            }
            scanner.advance()
            guard next == "\\", let escaped = scanner.peek else {
                out.unicodeScalars.append(next)
                continue
            }
            scanner.advance()
            if isRaw {
                out.unicodeScalars.append(next)
                out.unicodeScalars.append(escaped)
            } else if !escape(escaped, into: &out) {
                return nil
            }
        }
        return nil
    }

    private mutating func escape(_ letter: Unicode.Scalar, into out: inout String) -> Bool {
        let plain: [Unicode.Scalar: String] = [
            "\n": "", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{c}", "n": "\n", "r": "\r",
            "t": "\t", "v": "\u{b}",
        ]
        if let text = plain[letter] {
            out += text
            return true
        }
        let lengths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
        if let count = lengths[letter] {
            guard let scalar = scanner.takeHex(count) else { return false }
            out.unicodeScalars.append(scalar)
            return true
        }
        if ("0"..."7").contains(letter) {
            var value = letter.value - 0x30
            for _ in 0..<2 {
                guard let next = scanner.peek, ("0"..."7").contains(next) else { break }
                value = value * 8 + next.value - 0x30
                scanner.advance()
            }
            guard let scalar = Unicode.Scalar(value) else { return false }
            out.unicodeScalars.append(scalar)
            return true
        }
        // `\N{NAME}` needs Unicode's table of names; any other letter keeps its backslash.
        if letter == "N" { return false }
        out += "\\"
        out.unicodeScalars.append(letter)
        return true
    }

    private mutating func peek() -> Unicode.Scalar? {
        _ = scanner.takeWhile { $0 == " " || $0 == "\t" || $0 == "\n" }
        return scanner.peek
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        scanner.advance()
        return true
    }
}
