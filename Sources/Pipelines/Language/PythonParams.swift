import Base

/// Reads the params of a Python file without running it, as DVC does: assignments of literals at the top level, in the
/// bodies of classes, and to `self` in their `__init__`. Everything else is passed over.
enum PythonParams {
    /// `{name: value, class: {name: value}}`. Tuples and sets become lists.
    ///
    /// - Throws: `MLError(.invalidInput)` beginning with `name:line:column:` for text or brackets without an end.
    static func parse(_ bytes: [UInt8], name: String) throws -> JSON {
        let lines = try PythonLine.split(bytes, name: name)
        var position = 0
        return .object(try body(lines, &position, indent: lines.first?.indent ?? 0, only: nil, name))
    }

    /// The assignments of the block that starts at `position`.
    ///
    /// - Parameter only: `self.` for `__init__`, whose local variables are no params.
    private static func body(
        _ lines: [PythonLine], _ position: inout Int, indent: Int, only prefix: String?, _ name: String
    ) throws -> JSONObject {
        var result = JSONObject()
        while position < lines.count, lines[position].indent >= indent {
            let line = lines[position]
            position += 1
            let first = line.statements.first ?? ""
            guard let block = PythonBlock(first) else {
                for statement in line.statements { try assign(statement, to: &result, only: prefix, name) }
                continue
            }
            var inner = JSONObject()
            let isWanted = block.kind != .other && (prefix == nil || block.kind == .initializer)
            let only = block.kind == .initializer ? "self." : nil
            if !block.rest.isEmpty {
                for statement in [block.rest] + line.statements.dropFirst() where isWanted {
                    try assign(statement, to: &inner, only: only, name)
                }
            } else if isWanted, position < lines.count, lines[position].indent > line.indent {
                inner = try body(lines, &position, indent: lines[position].indent, only: only, name)
            }
            while position < lines.count, lines[position].indent > line.indent { position += 1 }
            switch block.kind {
            case .type(let type) where isWanted: result[type] = .object(inner)
            case .initializer: for (key, value) in inner.pairs { result[key] = value }
            default: break
            }
        }
        return result
    }

    /// `name = literal`, `name: type = literal`, `self.name = literal`; nothing for any other statement.
    private static func assign(
        _ statement: String, to result: inout JSONObject, only prefix: String?, _ name: String
    ) throws {
        var scanner = try TextScanner(Array(statement.utf8), name: name)
        var target = scanner.takeWhile { isWord($0) || $0 == "." }
        if target.hasPrefix("self.") {
            target = String(target.dropFirst("self.".count))
        } else if prefix != nil {
            return
        }
        guard !target.isEmpty, !target.contains(".") else { return }
        _ = scanner.takeWhile { $0 == " " || $0 == "\t" }
        if scanner.take(":") {
            // An annotation has no `=` outside of brackets and texts that could be mistaken for the assignment.
            _ = scanner.takeWhile { $0 != "=" }
        }
        guard scanner.take("="), scanner.peek != "=" else { return }
        var reader = PythonLiteral(scanner: scanner)
        if let value = reader.whole() { result[target] = value }
    }

    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
    }
}

/// The first line of a `class`, `def __init__` or any other block.
private struct PythonBlock {
    enum Kind: Equatable {
        case type(String)
        case initializer
        case other
    }
    var kind: Kind
    /// What stands behind the colon on the same line.
    var rest: String

    /// nil when the statement begins no block.
    init?(_ statement: String) {
        let word = statement.prefix { PythonParams.isWord($0.unicodeScalars.first ?? " ") }
        let words = [
            "class", "def", "async", "if", "elif", "else", "for", "while", "try", "except", "finally", "with",
        ]
        guard words.contains(String(word)) else { return nil }
        var depth = 0
        var colon: String.Index?
        var quote: Character?
        for index in statement.indices {
            let character = statement[index]
            if let open = quote {
                if character == open { quote = nil }
                continue
            }
            switch character {
            case "\"", "'": quote = character
            case "(", "[", "{": depth += 1
            case ")", "]", "}": depth -= 1
            case ":" where depth == 0: colon = index
            default: continue
            }
            if colon != nil { break }
        }
        guard let colon else { return nil }
        rest = String(statement[statement.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
        let name = statement[word.endIndex...].drop { $0 == " " || $0 == "\t" }
            .prefix { PythonParams.isWord($0.unicodeScalars.first ?? " ") }
        switch word {
        case "class": kind = .type(String(name))
        case "def" where name == "__init__": kind = .initializer
        default: kind = .other
        }
    }
}
