import Base

/// A condition on a commit or experiment: `accuracy>0.8 && (lr<0.1 || !model==cnn)`.
///
/// Comparisons `<`, `<=`, `>`, `>=`, `==` (or `=`), `!=` and `~` (contains) join a name and a number, a word or a text in
/// quotes; `&&`, `||`, `!` and brackets join conditions. A name without a value makes its comparison false, whatever the
/// operator; so does a number compared with a text by order.
public struct FilterExpression: Sendable {
    private indirect enum Node: Sendable {
        case comparison(name: String, Operator, JSON)
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    private enum Operator: String, CaseIterable, Sendable {
        // Longer spellings first: they are tried in this order.
        case atLeast = ">="
        case atMost = "<="
        case equal = "=="
        case unequal = "!="
        case more = ">"
        case less = "<"
        case same = "="
        case contains = "~"
    }

    private let root: Node

    /// Reads an expression.
    ///
    /// - Throws: `MLError(.usage)` naming the place.
    public init(_ text: String) throws {
        var reader = Reader(text: text)
        root = try reader.disjunction()
        guard reader.isAtEnd else { throw reader.error("'&&' or '||'") }
    }

    /// Whether the condition holds.
    ///
    /// - Parameter value: what a name stands for; nil when nothing.
    public func matches(_ value: (String) -> JSON?) -> Bool { FilterExpression.evaluate(root, value) }

    /// The names that occur.
    public var names: [String] { FilterExpression.names(root) }

    private static func names(_ node: Node) -> [String] {
        switch node {
        case .comparison(let name, _, _): [name]
        case .not(let inner): names(inner)
        case .and(let a, let b), .or(let a, let b): names(a) + names(b)
        }
    }

    private static func evaluate(_ node: Node, _ value: (String) -> JSON?) -> Bool {
        switch node {
        case .not(let inner): return !evaluate(inner, value)
        case .and(let a, let b): return evaluate(a, value) && evaluate(b, value)
        case .or(let a, let b): return evaluate(a, value) || evaluate(b, value)
        case .comparison(let name, let sign, let wanted):
            guard let found = value(name), found != .null else { return false }
            return compare(found, sign, wanted)
        }
    }

    private static func compare(_ found: JSON, _ sign: Operator, _ wanted: JSON) -> Bool {
        let text = { (value: JSON) in value.stringValue ?? value.compact() }
        if sign == .contains { return text(found).contains(text(wanted)) }
        if let a = found.doubleValue, let b = wanted.doubleValue {
            switch sign {
            case .atLeast: return a >= b
            case .atMost: return a <= b
            case .more: return a > b
            case .less: return a < b
            case .equal, .same: return a == b
            case .unequal, .contains: return a != b
            }
        }
        switch sign {
        case .equal, .same: return text(found) == text(wanted)
        case .unequal: return text(found) != text(wanted)
        default:
            guard let a = found.stringValue, let b = wanted.stringValue else { return false }
            switch sign {
            case .atLeast: return a >= b
            case .atMost: return a <= b
            case .more: return a > b
            default: return a < b
            }
        }
    }

    private struct Reader {
        let text: String
        var rest: Substring
        var depth = 0

        init(text: String) {
            self.text = text
            rest = text[...]
        }

        var isAtEnd: Bool { rest.allSatisfy(\.isWhitespace) }

        mutating func disjunction() throws -> Node {
            var node = try conjunction()
            while take("||") { node = .or(node, try conjunction()) }
            return node
        }

        mutating func conjunction() throws -> Node {
            var node = try condition()
            while take("&&") { node = .and(node, try condition()) }
            return node
        }

        mutating func condition() throws -> Node {
            depth += 1
            defer { depth -= 1 }
            guard depth < 100 else { throw error("fewer brackets") }
            if take("!") { return .not(try condition()) }
            if take("(") {
                let inner = try disjunction()
                guard take(")") else { throw error("')'") }
                return inner
            }
            let name = try word("a metric or param")
            for sign in Operator.allCases where take(sign.rawValue) {
                return .comparison(name: name.text, sign, try value())
            }
            throw error("a comparison after '\(name.text)'")
        }

        mutating func value() throws -> JSON {
            let word = try word("a value")
            if word.isQuoted { return .string(word.text) }
            if let number = Int64(word.text) { return .integer(number) }
            if let number = Double(word.text), !word.text.lowercased().hasPrefix("0x") { return .number(number) }
            if word.text == "true" || word.text == "false" { return .bool(word.text == "true") }
            return .string(word.text)
        }

        mutating func word(_ what: String) throws -> (text: String, isQuoted: Bool) {
            skipBlanks()
            if let quote = rest.first, quote == "'" || quote == "\"" {
                let inner = rest.dropFirst()
                guard let end = inner.firstIndex(of: quote) else { throw error("a closing \(quote)") }
                rest = inner[inner.index(after: end)...]
                return (String(inner[..<end]), true)
            }
            let found = rest.prefix { !$0.isWhitespace && !"<>=!~&|()'\"".contains($0) }
            guard !found.isEmpty else { throw error(what) }
            rest = rest[found.endIndex...]
            return (String(found), false)
        }

        mutating func take(_ token: String) -> Bool {
            skipBlanks()
            guard rest.hasPrefix(token) else { return false }
            rest = rest.dropFirst(token.count)
            return true
        }

        mutating func skipBlanks() { rest = rest.drop { $0.isWhitespace } }

        func error(_ wanted: String) -> MLError {
            let place = text.distance(from: text.startIndex, to: rest.startIndex) + 1
            return MLError(
                .usage, "cannot read the filter '\(text)': \(wanted) is expected at character \(place)",
                hint: "an example: 'accuracy>0.8 && lr<0.1'")
        }
    }
}
