extension JSON {
    /// Reads one JSON document (RFC 8259).
    ///
    /// - Throws: `MLError(.invalidInput)` naming line and column of the first mistake.
    public init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }

    public init(parsing bytes: [UInt8]) throws {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    var depth = 0
    /// Deep enough for any real document, shallow enough for the stack.
    static let maximumDepth = 512

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws -> JSON {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw mistake("unexpected text after the end of the document") }
        return value
    }

    private mutating func value() throws -> JSON {
        skipSpace()
        guard let byte = peek() else { throw mistake("unexpected end of document") }
        switch byte {
        case UInt8(ascii: "{"): return try nested { try $0.object() }
        case UInt8(ascii: "["): return try nested { try $0.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(_ body: (inout JSONParser) throws -> JSON) throws -> JSON {
        depth += 1
        guard depth <= JSONParser.maximumDepth else { throw mistake("nested too deeply") }
        defer { depth -= 1 }
        return try body(&self)
    }

    private mutating func object() throws -> JSON {
        var object = JSONObject()
        position += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(object) }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw mistake("expected a key in double quotes") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw mistake("expected ':'") }
            object[key] = try value()
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw mistake("expected ',' or '}'") }
        return .object(object)
    }

    private mutating func array() throws -> JSON {
        var items: [JSON] = []
        position += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            items.append(try value())
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw mistake("expected ',' or ']'") }
        return .array(items)
    }

    private mutating func string() throws -> String {
        position += 1
        var out: [UInt8] = []
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw mistake("text is not UTF-8") }
                return text
            case UInt8(ascii: "\\"): try escape(into: &out)
            case 0..<0x20: throw mistake("control character in a string")
            default: out.append(byte)
            }
        }
        throw mistake("string without end")
    }

    private mutating func escape(into out: inout [UInt8]) throws {
        guard let byte = peek() else { throw mistake("string without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "u"):
            var code = try hexUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw mistake("lone surrogate") }
                let low = try hexUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw mistake("lone surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw mistake("lone surrogate") }
            out.append(contentsOf: String(Character(scalar)).utf8)
        default: throw mistake("unknown escape '\\\(Character(Unicode.Scalar(byte)))'")
        }
    }

    private mutating func hexUnit() throws -> UInt32 {
        // The number reader below would also take a sign.
        guard position + 4 <= bytes.count, bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-"),
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw mistake("expected four hex digits") }
        position += 4
        return value
    }

    private mutating func number() throws -> JSON {
        let start = position
        var isInteger = true
        while let byte = peek() {
            switch byte {
            case 0x30...0x39, UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
            default:
                return try finishNumber(start, isInteger)
            }
            position += 1
        }
        return try finishNumber(start, isInteger)
    }

    private func finishNumber(_ start: Int, _ isInteger: Bool) throws -> JSON {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let leadingZero = digits.hasPrefix("0") && digits.dropFirst().first?.isNumber == true
        guard let first = digits.first, first.isNumber, !leadingZero else {
            throw mistake("expected a value", at: start)
        }
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite, text.last != ".", text.firstRange(of: ".e") == nil,
            text.firstRange(of: ".E") == nil
        else { throw mistake("'\(text)' is not a number", at: start) }
        return .number(value)
    }

    private mutating func word(_ text: String, _ value: JSON) throws -> JSON {
        guard bytes[position...].starts(with: text.utf8) else { throw mistake("expected a value") }
        position += text.utf8.count
        return value
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func mistake(_ what: String, at offset: Int? = nil) -> MLError {
        let end = min(offset ?? position, bytes.count)
        var line = 1
        var column = 1
        for byte in bytes[..<end] {
            if byte == 10 {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return MLError(.invalidInput, "invalid JSON at line \(line), column \(column): \(what)")
    }
}
