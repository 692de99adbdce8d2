import Base

/// An element of a server's answer: name, text and children. Attributes and namespaces are left out.
package struct XMLElement: Sendable {
    /// Without a namespace's prefix.
    package var name: String
    package var text = ""
    package var children: [XMLElement] = []

    /// The first child of a name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The root element of a document.
    ///
    /// - Throws: `MLError(.invalidInput)` for what is no XML, for document types and for more than 64 levels.
    package init(parsing bytes: [UInt8]) throws {
        var parser = XMLParser(bytes: bytes)
        self = try parser.document()
    }

    package init(name: String) { self.name = name }
}

/// Reads the part of XML 1.0 that servers answer with.
private struct XMLParser {
    let bytes: [UInt8]
    private var position = 0
    private var open: [XMLElement] = []
    private var root: XMLElement?

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws -> XMLElement {
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "<") {
                try markup()
            } else {
                let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
                try add(bytes[position..<end], isPlain: true)
                position = end
            }
        }
        guard let root, open.isEmpty else { throw mistake("ends too early") }
        return root
    }

    private mutating func markup() throws {
        if skip("<?", to: "?>") || skip("<!--", to: "-->") { return }
        if starts("<![CDATA[") {
            position += 9
            let end = try find("]]>")
            try add(bytes[position..<end], isPlain: false)
            position = end + 3
            return
        }
        guard !starts("<!") else { throw mistake("has a document type") }
        var end = position + 1
        var quote: UInt8?
        while end < bytes.count, bytes[end] != UInt8(ascii: ">") || quote != nil {
            if let open = quote {
                if bytes[end] == open { quote = nil }
            } else if bytes[end] == UInt8(ascii: "\"") || bytes[end] == UInt8(ascii: "'") {
                quote = bytes[end]
            }
            end += 1
        }
        guard end < bytes.count else { throw mistake("has a tag without an end") }
        let tag = String(decoding: bytes[position + 1..<end], as: UTF8.self)
        position = end + 1
        let word = String(tag.prefix { !$0.isWhitespace && $0 != "/" || $0 == "/" && tag.hasPrefix("/") })
        let name = String(word.split(separator: ":").last ?? "").filter { $0 != "/" }
        if tag.hasPrefix("/") {
            guard let element = open.popLast(), element.name == name else { throw mistake("closes '\(name)' wrongly") }
            try close(element)
        } else {
            guard root == nil, open.count < 64, !name.isEmpty else { throw mistake("is nested wrongly") }
            open.append(XMLElement(name: name))
            if tag.hasSuffix("/"), let element = open.popLast() { try close(element) }
        }
    }

    private mutating func close(_ element: XMLElement) throws {
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    private mutating func add(_ part: ArraySlice<UInt8>, isPlain: Bool) throws {
        guard !open.isEmpty else {
            // Around the root only white space and a byte order mark may stand.
            guard part.allSatisfy({ $0 <= 32 || [0xEF, 0xBB, 0xBF].contains($0) }) else { throw mistake("is no XML") }
            return
        }
        open[open.count - 1].text += isPlain ? XMLParser.unescaped(part) : String(decoding: part, as: UTF8.self)
    }

    private static let entities = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"]

    /// By bytes: a combining character behind an entity would hide its end from `Character`.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        var rest = text
        while let start = rest.firstIndex(of: UInt8(ascii: "&")) {
            out += rest[..<start]
            rest = rest[start...]
            guard let end = rest.firstIndex(of: UInt8(ascii: ";")) else { break }
            let name = String(decoding: rest[(start + 1)..<end], as: UTF8.self)
            let isHex = name.hasPrefix("#x")
            let number = name.hasPrefix("#") ? UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10) : nil
            if let scalar = number.flatMap({ Unicode.Scalar($0) }) {
                out += Array(String(Character(scalar)).utf8)
            } else {
                out += entities[name].map { Array($0.utf8) } ?? Array(rest[...end])
            }
            rest = rest[(end + 1)...]
        }
        return String(decoding: out + rest, as: UTF8.self)
    }

    private mutating func skip(_ start: String, to end: String) -> Bool {
        guard starts(start), let found = try? find(end) else { return false }
        position = found + end.utf8.count
        return true
    }

    private func starts(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private func find(_ text: String) throws -> Int {
        let wanted = Array(text.utf8)
        var place = position
        while place + wanted.count <= bytes.count {
            if bytes[place..<place + wanted.count].elementsEqual(wanted) { return place }
            place += 1
        }
        throw mistake("ends too early")
    }

    private func mistake(_ what: String) -> MLError {
        MLError(.invalidInput, "the server's answer \(what) (at byte \(position))")
    }
}
