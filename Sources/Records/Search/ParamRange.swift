import Base
import Pipelines

/// What a param may be in a search, as typed behind `--set`: `lr=0.1`, `lr=0.1,0.01`, `depth=range(2,8,2)`,
/// `lr=0.001..0.1`, `lr=log(1e-5..1e-1)`, `width=16..256` (whole numbers when both ends are), `params2.yaml:model=cnn,rnn`.
public struct ParamRange: Hashable, Sendable {
    /// The values.
    public enum Values: Hashable, Sendable {
        case choices([JSON])
        case interval(low: Double, high: Double, isLogarithmic: Bool, isWhole: Bool)
    }

    public var file: String
    /// Dotted.
    public var key: String
    public var values: Values
    /// `+key=value`: the key may be new.
    public var mayAdd: Bool

    /// How records and tables name the param.
    public var name: String { file == ParamRange.defaultFile ? key : "\(file):\(key)" }

    public static let defaultFile = "params.yaml"

    public init(file: String = ParamRange.defaultFile, key: String, values: Values, mayAdd: Bool = false) {
        self.file = file
        self.key = key
        self.values = values
        self.mayAdd = mayAdd
    }

    /// - Throws: `MLError(.usage)`.
    public init(_ text: String) throws {
        guard let cut = text.firstIndex(of: "="), cut != text.startIndex else {
            throw MLError(.usage, "'\(text)' is not KEY=VALUE", hint: "an example: --set train.lr=0.1,0.01")
        }
        var left = text[..<cut]
        let right = String(text[text.index(after: cut)...])
        mayAdd = left.hasPrefix("+")
        if mayAdd { left = left.dropFirst() }
        if let colon = left.lastIndex(of: ":") {
            file = String(left[..<colon])
            key = String(left[left.index(after: colon)...])
        } else {
            file = ParamRange.defaultFile
            key = String(left)
        }
        if key.isEmpty || file.isEmpty { throw MLError(.usage, "'\(text)' is not KEY=VALUE") }
        values = try ParamRange.values(right, text)
    }

    private static func values(_ text: String, _ whole: String) throws -> Values {
        if let inner = call("log", text), let interval = interval(inner, isLogarithmic: true) {
            guard case .interval(let low, _, _, _) = interval, low > 0 else {
                throw MLError(.usage, "'\(whole)': a logarithmic interval begins above 0")
            }
            return interval
        }
        if let inner = call("range", text) {
            let ends = inner.split(separator: ",").compactMap { Int64($0.filter { $0 != " " }) }
            guard ends.count == 2 || ends.count == 3, ends.count == 2 || ends[2] > 0 else {
                throw MLError(.usage, "'\(whole)': range takes a start, an end and a step above 0")
            }
            let all = Array(stride(from: ends[0], to: ends[1], by: ends.count == 3 ? Int64.Stride(ends[2]) : 1))
            guard !all.isEmpty, all.count <= 10_000 else { throw MLError(.usage, "'\(whole)' has \(all.count) values") }
            return .choices(all.map { .integer($0) })
        }
        if let interval = interval(text, isLogarithmic: false) { return interval }
        return .choices(try split(call("choice", text) ?? text).map(value))
    }

    /// A scalar, list or mapping as YAML reads it.
    private static func value(_ text: String) throws -> JSON {
        if text.isEmpty { return .string("") }
        let node = try YAMLDocument(Array(text.utf8), name: text).root
        return node?.json ?? .null
    }

    private static func call(_ name: String, _ text: String) -> String? {
        text.hasPrefix(name + "(") && text.hasSuffix(")") ? String(text.dropFirst(name.count + 1).dropLast()) : nil
    }

    private static func interval(_ text: String, isLogarithmic: Bool) -> Values? {
        let bytes = Array(text.utf8)
        let dot = UInt8(ascii: ".")
        guard
            let cut = bytes.indices.dropFirst().first(where: {
                bytes[$0] == dot && $0 + 1 < bytes.count && bytes[$0 + 1] == dot
            })
        else { return nil }
        let (a, b) = (
            String(decoding: bytes[..<cut], as: UTF8.self), String(decoding: bytes[(cut + 2)...], as: UTF8.self)
        )
        guard let low = Double(a), let high = Double(b), low.isFinite, high.isFinite, low < high else { return nil }
        return .interval(
            low: low, high: high, isLogarithmic: isLogarithmic, isWhole: Int64(a) != nil && Int64(b) != nil)
    }

    /// Commas that stand in no brackets or quotes.
    private static func split(_ text: String) -> [String] {
        var parts: [String] = [""]
        var depth = 0
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if "[{(".contains(character) {
                depth += 1
            } else if "]})".contains(character) {
                depth -= 1
            } else if character == ",", depth == 0 {
                parts.append("")
                continue
            }
            parts[parts.count - 1].append(character)
        }
        return parts.map { part in
            let trimmed = part.drop { $0 == " " }
            return String(trimmed.reversed().drop { $0 == " " }.reversed())
        }
    }
}

/// One point of a search: a value for each param.
public typealias ParamPoint = [JSON]

/// Every combination of choices, the last param fastest.
public enum GridSearch {
    /// - Throws: `MLError(.usage)` for an interval, which has no end of values.
    public static func points(_ ranges: [ParamRange]) throws -> [ParamPoint] {
        var points: [ParamPoint] = [[]]
        for range in ranges {
            guard case .choices(let choices) = range.values else {
                throw MLError(
                    .usage, "'\(range.name)' is an interval, of which a grid cannot take every value",
                    hint: "name values (\(range.key)=0.1,0.2), or search with --search random or tpe and --trials N")
            }
            points = points.flatMap { point in choices.map { point + [$0] } }
            guard points.count <= 100_000 else { throw MLError(.usage, "the grid has more than 100,000 points") }
        }
        return points
    }
}
