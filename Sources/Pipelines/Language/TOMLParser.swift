import Base

/// Reads TOML 1.0 (https://toml.io/en/v1.0.0). Dates and times become text as they are written.
struct TOMLParser {
    private let name: String
    var scanner: TextScanner
    private var root = Table()

    /// A table while it is being filled: who may still add to it depends on how it came to be.
    private final class Table {
        enum Origin { case implicit, header, dotted, inline }
        enum Value {
            case leaf(JSON)
            case table(Table)
            case tables([Table])
        }
        var origin: Origin
        var keys: [String] = []
        var values: [String: Value] = [:]

        init(_ origin: Origin = .implicit) { self.origin = origin }

        func set(_ key: String, _ value: Value) {
            if values.updateValue(value, forKey: key) == nil { keys.append(key) }
        }

        var json: JSON {
            .object(
                JSONObject(
                    keys.map { key in
                        switch values[key] {
                        case .leaf(let value)?: (key, value)
                        case .table(let table)?: (key, table.json)
                        case .tables(let tables)?: (key, .array(tables.map(\.json)))
                        case nil: (key, .null)
                        }
                    }))
        }
    }

    /// - Throws: `MLError(.invalidInput)` beginning with `name:line:column:`.
    static func parse(_ bytes: [UInt8], name: String) throws -> JSON {
        var parser = TOMLParser(name: name, scanner: try TextScanner(bytes, name: name))
        return try parser.document()
    }

    private init(name: String, scanner: TextScanner) {
        self.name = name
        self.scanner = scanner
    }

    private mutating func document() throws -> JSON {
        var current = root
        while true {
            skipBlank(lines: true)
            guard let next = scanner.peek else { return root.json }
            if next == "[" {
                current = try header()
            } else {
                try keyValue(into: current)
            }
            try endOfLine()
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    private mutating func header() throws -> Table {
        let start = scanner
        scanner.advance()
        let isList = scanner.take("[")
        skipBlank(lines: false)
        let path = try key()
        guard scanner.take("]"), !isList || scanner.take("]") else { throw scanner.mistake("expected ']'") }
        var table = root
        for part in path.dropLast() {
            switch table.values[part] {
            case nil:
                let next = Table()
                table.set(part, .table(next))
                table = next
            case .table(let next)? where next.origin != .inline: table = next
            case .tables(let list)?: table = list.last ?? table
            default: throw start.mistake("'\(part)' is a value already and cannot hold a table")
            }
        }
        let last = path.last ?? ""
        switch (table.values[last], isList) {
        case (nil, true):
            let next = Table(.header)
            table.set(last, .tables([next]))
            return next
        case (.tables(let list)?, true):
            let next = Table(.header)
            table.set(last, .tables(list + [next]))
            return next
        case (nil, false):
            let next = Table(.header)
            table.set(last, .table(next))
            return next
        case (.table(let next)?, false) where next.origin == .implicit:
            next.origin = .header
            return next
        default: throw start.mistake("'\(path.joined(separator: "."))' is defined more than once")
        }
    }

    private mutating func keyValue(into table: Table) throws {
        let start = scanner
        let path = try key()
        guard scanner.take("=") else { throw scanner.mistake("expected '='") }
        skipBlank(lines: false)
        var table = table
        for part in path.dropLast() {
            switch table.values[part] {
            case nil:
                let next = Table(.dotted)
                table.set(part, .table(next))
                table = next
            case .table(let next)? where next.origin == .dotted: table = next
            default: throw start.mistake("'\(part)' is defined more than once")
            }
        }
        let last = path.last ?? ""
        guard table.values[last] == nil else {
            throw start.mistake("'\(path.joined(separator: "."))' is defined more than once")
        }
        table.set(last, try value())
    }

    /// Words or quoted text, joined by dots; blanks around each are skipped.
    private mutating func key() throws -> [String] {
        var parts: [String] = []
        repeat {
            skipBlank(lines: false)
            if scanner.peek == "\"" || scanner.peek == "'" {
                parts.append(try string(allowsLines: false))
            } else {
                let word = scanner.takeWhile {
                    ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_"
                        || $0 == "-"
                }
                guard !word.isEmpty else { throw scanner.mistake("expected a key") }
                parts.append(word)
            }
            skipBlank(lines: false)
        } while scanner.take(".")
        return parts
    }

    private mutating func value() throws -> Table.Value {
        switch scanner.peek {
        case "\"", "'": return .leaf(.string(try string(allowsLines: true)))
        case "[": return .leaf(try nested { try $0.array() })
        case "{": return .table(try nested { try $0.inlineTable() })
        default: return .leaf(try bare())
        }
    }

    private mutating func nested<T>(_ body: (inout TOMLParser) throws -> T) throws -> T {
        guard scanner.depth < TextScanner.maximumDepth else { throw scanner.mistake("nested too deeply") }
        scanner.depth += 1
        defer { scanner.depth -= 1 }
        return try body(&self)
    }

    private mutating func array() throws -> JSON {
        scanner.advance()
        var items: [JSON] = []
        while true {
            skipBlank(lines: true)
            if scanner.take("]") { return .array(items) }
            switch try value() {
            case .leaf(let value): items.append(value)
            case .table(let table): items.append(table.json)
            case .tables(let tables): items += tables.map(\.json)
            }
            skipBlank(lines: true)
            if scanner.take("]") { return .array(items) }
            guard scanner.take(",") else { throw scanner.mistake("expected ',' or ']'") }
        }
    }

    private mutating func inlineTable() throws -> Table {
        scanner.advance()
        let table = Table()
        skipBlank(lines: false)
        if !scanner.take("}") {
            repeat {
                try keyValue(into: table)
                skipBlank(lines: false)
            } while scanner.take(",")
            guard scanner.take("}") else { throw scanner.mistake("expected ',' or '}'") }
        }
        table.origin = .inline
        return table
    }

    private mutating func bare() throws -> JSON {
        let start = scanner
        var word = scanner.takeWhile { !" \t\n\r,]}#".unicodeScalars.contains($0) }
        if TOMLScalar.isDate(word), scanner.peek == " ", let digit = scanner.peek(1), ("0"..."9").contains(digit) {
            // RFC 3339 lets a blank stand for the 'T'.
            scanner.advance()
            word += " " + scanner.takeWhile { !" \t\n\r,]}#".unicodeScalars.contains($0) }
        }
        guard let value = TOMLScalar.resolve(word) else {
            throw start.mistake(word.isEmpty ? "expected a value" : "'\(word)' is no value: text needs quotes")
        }
        return value
    }

    private mutating func string(allowsLines: Bool) throws -> String {
        let start = scanner
        let quote = scanner.peek ?? "\""
        scanner.advance()
        let isLong = allowsLines && scanner.peek == quote && scanner.peek(1) == quote
        if isLong {
            scanner.advance(2)
            if scanner.peek == "\r", scanner.peek(1) == "\n" { scanner.advance() }
            _ = scanner.take("\n")
        }
        var out = ""
        while let next = scanner.peek {
            if next == quote {
                let count = (0..<5).prefix { scanner.peek($0) == quote }.count
                if !isLong {
                    scanner.advance()
                    return out
                }
                if count >= 3 {
                    // Up to two quotes may stand before the closing three.
                    out += String(repeating: String(quote), count: count - 3)
                    scanner.advance(count)
                    return out
                }
            }
            if next == "\n", !isLong { break }
            scanner.advance()
            if next == "\\", quote == "\"" {
                try escape(into: &out, isLong: isLong)
            } else {
                guard next.value >= 0x20 || next == "\t" || (isLong && (next == "\n" || next == "\r")) else {
                    throw scanner.mistake("control character in text")
                }
                out.unicodeScalars.append(next)
            }
        }
        throw start.mistake("text without an end")
    }

    private mutating func escape(into out: inout String, isLong: Bool) throws {
        guard let next = scanner.peek else { return }
        if isLong, next == "\n" || next == "\r" || next == " " || next == "\t" {
            let blank = scanner.takeWhile { " \t\r\n".unicodeScalars.contains($0) }
            guard blank.contains(where: \.isNewline) else { throw scanner.mistake("invalid escape") }
            return
        }
        scanner.advance()
        let plain: [Unicode.Scalar: Unicode.Scalar] = [
            "b": "\u{8}", "t": "\t", "n": "\n", "f": "\u{c}", "r": "\r", "\"": "\"", "\\": "\\",
        ]
        if let scalar = plain[next] { return out.unicodeScalars.append(scalar) }
        guard next == "u" || next == "U", let scalar = scanner.takeHex(next == "u" ? 4 : 8) else {
            throw scanner.mistake("invalid escape")
        }
        out.unicodeScalars.append(scalar)
    }

    /// Blanks, and where lines may end, comments and line ends.
    private mutating func skipBlank(lines: Bool) {
        while let next = scanner.peek {
            if next == " " || next == "\t" || (lines && (next == "\n" || next == "\r")) {
                scanner.advance()
            } else if next == "#", lines {
                _ = scanner.takeWhile { $0 != "\n" }
            } else {
                return
            }
        }
    }

    private mutating func endOfLine() throws {
        skipBlank(lines: false)
        if scanner.peek == "#" { _ = scanner.takeWhile { $0 != "\n" } }
        _ = scanner.take("\r")
        guard scanner.peek == nil || scanner.take("\n") else { throw scanner.mistake("expected the end of the line") }
    }
}
