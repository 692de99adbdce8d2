import Base

/// Sets values in param files and leaves everything else (comments, order, spelling) as it is.
public enum ParamEdit {
    /// The file with one value set.
    ///
    /// - Parameters:
    ///   - key: dotted, as in `Params.lookup`.
    ///   - mayAdd: whether a key that is not there is added to its mapping.
    /// - Throws: `MLError(.notFound)` for a key that is not there, `MLError(.invalidInput)` where the file's form does not
    ///   let a value be replaced in place.
    public static func set(
        _ key: String, to value: JSON, in bytes: [UInt8], name: String, mayAdd: Bool = false
    ) throws -> [UInt8] {
        switch Params.fileExtension(name) {
        case "toml", "py": return try setLine(key, value, bytes, name)
        default: break
        }
        let document = try YAMLDocument(bytes, name: name)
        guard let root = document.root else {
            if mayAdd { return Array("\(key): \(value.compact())\n".utf8) }
            throw missing(key, name, [])
        }
        var node = root
        var rest = key
        while !rest.isEmpty {
            guard let step = step(node, rest) else {
                if mayAdd, node.entries != nil { return try add(rest, value, to: node, bytes, name) }
                throw missing(key, name, Params.flatten(root.json).map(\.key))
            }
            (node, rest) = step
        }
        return try replace(node, value, bytes, name)
    }

    /// The child that a key leads to, and what of the key is left. Keys that contain dots themselves are tried whole.
    private static func step(_ node: YAMLNode, _ key: String) -> (YAMLNode, String)? {
        if let elements = node.elements {
            let text = key.hasPrefix("[") ? key.dropFirst() : key[...]
            let digits = text.prefix { $0.isNumber }
            guard let index = Int(digits), elements.indices.contains(index) else { return nil }
            let after = text.dropFirst(digits.count).drop { $0 == "]" }
            return (elements[index], String(after.first == "." ? after.dropFirst() : after))
        }
        if let child = node[key] { return (child, "") }
        for end in key.indices where key[end] == "." || key[end] == "[" {
            guard let child = node[String(key[..<end])] else { continue }
            return (child, String(key[end] == "." ? key[key.index(after: end)...] : key[end...]))
        }
        return nil
    }

    private static func replace(_ node: YAMLNode, _ value: JSON, _ bytes: [UInt8], _ name: String) throws -> [UInt8] {
        let start = try offset(node, bytes)
        let end: Int
        switch bytes[safe: start] {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): end = quotedEnd(bytes, start)
        case UInt8(ascii: "["), UInt8(ascii: "{"): end = bracketEnd(bytes, start)
        case UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "*"), UInt8(ascii: "!"):
            throw MLError(.invalidInput, "'\(name)' line \(node.line): this form of value cannot be replaced in place")
        default:
            guard node.entries == nil, node.elements == nil else {
                throw MLError(
                    .invalidInput, "'\(name)' line \(node.line): a whole block cannot be replaced in place",
                    hint: "set its keys one by one")
            }
            end = node.isNull && node.keyText?.isEmpty != false ? start : plainEnd(bytes, start)
        }
        let text = value.compact()
        let blank = end == start && start > 0 && bytes[start - 1] == UInt8(ascii: ":") ? " " : ""
        return Array(bytes[..<start]) + Array((blank + text).utf8) + Array(bytes[end...])
    }

    /// A new line behind the last entry of a block mapping, with that one's indent.
    private static func add(
        _ key: String, _ value: JSON, to node: YAMLNode, _ bytes: [UInt8], _ name: String
    ) throws -> [UInt8] {
        guard !key.contains("."), let last = node.entries?.last,
            bytes[safe: try offset(node, bytes)] != UInt8(ascii: "{")
        else { throw missing(key, name, node.entries?.compactMap(\.key.keyText) ?? []) }
        let indent = String(repeating: " ", count: last.key.column - 1)
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        // Behind everything that is indented deeper than the mapping's keys; blank lines after that stay behind it.
        var line = last.key.line
        var next = line
        while next < lines.count,
            lines[next].isEmpty || lines[next].prefix(while: { $0 == 32 }).count >= last.key.column
        {
            next += 1
            if !lines[next - 1].isEmpty { line = next }
        }
        var out = lines.map { Array($0) }
        out.insert(Array("\(indent)\(key): \(value.compact())".utf8), at: min(line, out.count))
        return Array(out.joined(separator: [10]))
    }

    /// Columns count Unicode scalars.
    private static func offset(_ node: YAMLNode, _ bytes: [UInt8]) throws -> Int {
        var line = 1
        var position = 0
        while line < node.line, position < bytes.count {
            if bytes[position] == 10 { line += 1 }
            position += 1
        }
        var column = 1
        while column < node.column, position < bytes.count {
            position += 1
            while position < bytes.count, bytes[position] & 0xC0 == 0x80 { position += 1 }
            column += 1
        }
        return position
    }

    private static func quotedEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        let quote = bytes[start]
        var position = start + 1
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                position += 2
                continue
            }
            if bytes[position] == quote {
                // Two single quotes stand for one.
                if quote == UInt8(ascii: "'"), bytes[safe: position + 1] == quote {
                    position += 2
                    continue
                }
                return position + 1
            }
            position += 1
        }
        return bytes.count
    }

    private static func bracketEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        var depth = 0
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return position + 1 }
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                position = quotedEnd(bytes, position)
                continue
            default: break
            }
            position += 1
        }
        return bytes.count
    }

    /// A plain scalar goes to the end of the line, a comment, or what closes a flow collection around it.
    private static func plainEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        let isFlow = flowDepth(bytes, start) > 0
        var position = start
        while position < bytes.count, bytes[position] != 10, bytes[position] != 13 {
            let byte = bytes[position]
            if byte == UInt8(ascii: "#"), position > start, bytes[position - 1] == 32 { break }
            if isFlow, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { break }
            position += 1
        }
        while position > start, bytes[position - 1] == 32 { position -= 1 }
        return position
    }

    private static func flowDepth(_ bytes: [UInt8], _ end: Int) -> Int {
        var depth = 0
        var position = 0
        while position < end {
            switch bytes[position] {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "#") where position == 0 || bytes[position - 1] == 32 || bytes[position - 1] == 10:
                while position < end, bytes[position] != 10 { position += 1 }
            case UInt8(ascii: "\""): position = quotedEnd(bytes, position) - 1
            default: break
            }
            position += 1
        }
        return depth
    }

    /// TOML and Python: `key = value` on one line, below the `[table]` or `class` that the key begins with.
    private static func setLine(_ key: String, _ value: JSON, _ bytes: [UInt8], _ name: String) throws -> [UInt8] {
        let isPython = Params.fileExtension(name) == "py"
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = key.split(separator: ".").map(String.init)
        var table = ""
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for index in lines.indices {
            let trimmed = lines[index].drop { $0 == " " || $0 == "\t" }
            if !isPython, trimmed.hasPrefix("["), let end = trimmed.firstIndex(of: "]") {
                table = String(trimmed[trimmed.index(after: trimmed.startIndex)..<end])
                continue
            }
            if isPython, !trimmed.isEmpty, trimmed.startIndex == lines[index].startIndex {
                table =
                    trimmed.hasPrefix("class ")
                    ? String(trimmed.dropFirst(6).prefix { $0.isLetter || $0.isNumber || $0 == "_" }) : ""
            }
            guard let equals = trimmed.firstIndex(of: "="), trimmed[trimmed.index(after: equals)...].first != "=" else {
                continue
            }
            var left = trimmed[..<equals].prefix { $0 != " " && $0 != ":" && $0 != "\t" }
            if isPython, left.hasPrefix("self.") { left = left.dropFirst(5) }
            let full =
                (table.isEmpty ? [] : table.split(separator: ".").map(String.init))
                + left.split(separator: ".").map(String.init)
            guard full == parts else { continue }
            let after = trimmed.index(after: equals)
            let rest = trimmed[after...]
            let comment = rest.firstIndex(of: "#").map { "  " + rest[$0...] } ?? ""
            lines[index] = lines[index][..<after] + " " + (isPython ? python(value) : value.compact()) + comment
            return Array(lines.joined(separator: "\n").utf8)
        }
        throw missing(key, name, [])
    }

    private static func python(_ value: JSON) -> String {
        switch value {
        case .bool(let flag): flag ? "True" : "False"
        case .null: "None"
        default: value.compact()
        }
    }

    private static func missing(_ key: String, _ name: String, _ known: [String]) -> MLError {
        MLError(
            .notFound, "'\(name)' has no param '\(key)'",
            hints: NearestName.hints(key, in: known) + ["'+\(key)=VALUE' adds it"])
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
