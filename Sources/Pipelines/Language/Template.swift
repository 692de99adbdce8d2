import Base

/// A text cut at its `${…}`.
struct Template {
    enum Piece: Equatable {
        case text(String)
        case expression(TemplateExpression)
    }

    let pieces: [Piece]

    /// `\${` is the two characters `${`.
    ///
    /// - Throws: `MLError(.invalidInput)` for what is not an expression between `${` and `}`.
    init(_ text: String) throws {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        let bytes = Array(text.utf8)
        var position = 0
        func startsExpression(_ at: Int) -> Bool {
            at + 1 < bytes.count && bytes[at] == UInt8(ascii: "$") && bytes[at + 1] == UInt8(ascii: "{")
        }
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), startsExpression(position + 1) {
                literal += [UInt8(ascii: "$"), UInt8(ascii: "{")]
                position += 3
            } else if startsExpression(position), let end = bytes[position...].firstIndex(of: UInt8(ascii: "}")) {
                if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
                literal = []
                let inner = String(decoding: bytes[position + 2..<end], as: UTF8.self)
                pieces.append(.expression(try TemplateExpression(inner)))
                position = end + 1
            } else {
                literal.append(bytes[position])
                position += 1
            }
        }
        if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
        self.pieces = pieces
    }

    /// Whether a text needs the work above at all.
    static func isNeeded(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "$")) && text.contains("${") }
}

/// How values become text inside a larger text or a command.
public struct TemplateOptions: Hashable, Sendable {
    /// What `false` becomes when a mapping is unpacked in `cmd` (`mlrun.parsing.bool`, `parsing.bool`).
    public enum Booleans: String, Sendable {
        /// Nothing.
        case storeTrue = "store_true"
        /// `--no-key`.
        case booleanOptional = "boolean_optional"
    }

    /// What a list becomes when a mapping is unpacked in `cmd` (`mlrun.parsing.list`, `parsing.list`).
    public enum Lists: String, Sendable {
        /// `--key 1 2`.
        case nargs
        /// `--key 1 --key 2`.
        case append
    }

    public var booleans: Booleans
    public var lists: Lists

    public init(booleans: Booleans = .storeTrue, lists: Lists = .nargs) {
        self.booleans = booleans
        self.lists = lists
    }

    /// A scalar inside a larger text, spelled as DVC does.
    static func spell(_ value: JSON) -> String {
        switch value {
        case .null: "None"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): value.isNaN ? "nan" : value.description
        case .string(let value): value
        case .array, .object: value.compact()
        }
    }

    /// A mapping as command line flags: `--key value`, nested keys joined with dots, texts quoted for the shell.
    func flags(_ object: JSON) throws -> String {
        var words: [String] = []
        for (key, value) in Params.flatten(object) {
            switch value {
            case .bool(true): words.append("--\(key)")
            case .bool(false): if booleans == .booleanOptional { words.append("--no-\(key)") }
            case .array(let items):
                for (index, item) in items.enumerated() {
                    switch item {
                    case .array, .object:
                        throw MLError(
                            .invalidInput, "the list '\(key)' holds lists or mappings; a command needs plain values")
                    default: break
                    }
                    if index == 0 || lists == .append { words.append("--\(key)") }
                    words.append(TemplateOptions.argument(item))
                }
            case .object: break
            default: words += ["--\(key)", TemplateOptions.argument(value)]
            }
        }
        return words.joined(separator: " ")
    }

    private static func argument(_ value: JSON) -> String {
        if case .string(let text) = value { return ShellWord.quote(text) }
        return spell(value)
    }
}

/// Words of a POSIX shell.
public enum ShellWord {
    /// `text` as one word; quoted only where needed.
    public static func quote(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "_@%+=:,./-".utf8.contains($0)
            }
        }
        if isPlain && !text.isEmpty { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\"'\"'") + "'"
    }
}
