import Base

/// What stands between `${` and `}`: `a.b`, `a[0]`, `a[key]`. No operators, no functions.
public struct TemplateExpression: Hashable, Sendable {
    public let parts: [String]

    /// - Throws: `MLError(.invalidInput)` when the text is not words joined by `.` and `[ ]`.
    public init(_ text: String) throws {
        var parts: [String] = []
        var word = ""
        var inBrackets = false
        var needsWord = true
        func fail() -> MLError { MLError(.invalidInput, "'\(text)' is not a name such as 'a.b' or 'a[0]'") }
        for character in text.trimmingSpaces() {
            switch character {
            case "." where !inBrackets, "[" where !inBrackets:
                guard !word.isEmpty || !needsWord else { throw fail() }
                if !word.isEmpty { parts.append(word) }
                word = ""
                inBrackets = character == "["
                needsWord = true
            case "]" where inBrackets:
                guard !word.isEmpty else { throw fail() }
                parts.append(word)
                word = ""
                inBrackets = false
                needsWord = false
            case ".", "[", "]", "{", "}", "$", " ":
                throw fail()
            default:
                guard needsWord else { throw fail() }
                word.append(character)
            }
        }
        guard !inBrackets, !word.isEmpty || !needsWord else { throw fail() }
        if !word.isEmpty { parts.append(word) }
        self.parts = parts
    }

    /// The parts joined by dots.
    public var dotted: String { parts.joined(separator: ".") }

    /// The value the expression names; nil when it is not there.
    public func select(in value: JSON) -> JSON? {
        var current = value
        for part in parts {
            switch current {
            case .object(let object):
                guard let next = object[part] else { return nil }
                current = next
            case .array(let items):
                guard let index = Int(part), items.indices.contains(index) else { return nil }
                current = items[index]
            default: return nil
            }
        }
        return current
    }
}

extension String {
    func trimmingSpaces() -> Substring {
        let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
        let end = lastIndex { $0 != " " && $0 != "\t" }.map { index(after: $0) } ?? start
        return self[start..<end]
    }
}
