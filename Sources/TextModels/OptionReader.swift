import Base

/// Reads a mapping of options and knows afterwards which keys nobody asked for.
struct OptionReader {
    private let path: String
    private let object: JSONObject
    private let shorthand: String?
    private var known: [String] = []

    /// - Parameter json: a mapping, or the bare name of a layer.
    init(_ json: JSON, at path: String) throws {
        self.path = path
        switch json {
        case .object(let object):
            self.object = object
            shorthand = nil
        case .string(let name):
            object = [:]
            shorthand = name
        case .null:
            object = [:]
            shorthand = nil
        default: throw MLError(.invalidInput, "'\(path)' must be a name or a mapping")
        }
    }

    mutating func layer(_ key: String, required: Bool) throws -> OptionReader {
        known.append(key)
        guard let value = object[key], value != .null else {
            if required {
                throw MLError(.invalidInput, "'\(path).\(key)' is missing", hint: "for example: \(key): words")
            }
            return try OptionReader(.null, at: "\(path).\(key)")
        }
        return try OptionReader(value, at: "\(path).\(key)")
    }

    /// The layer's name; the first of the choices when nothing is said.
    mutating func name(_ choices: [String]) throws -> String {
        known.append("layer")
        guard let name = shorthand ?? object["layer"]?.stringValue else {
            if object["layer"] != nil { throw MLError(.invalidInput, "'\(path).layer' must be a name") }
            return choices[0]
        }
        // A version behind a dot names the same layer; there is one of each so far.
        if name.hasSuffix(".v1"), choices.contains(String(name.dropLast(3))) { return String(name.dropLast(3)) }
        guard choices.contains(name) else {
            throw MLError(
                .invalidInput, "'\(path)': there is no layer '\(name)'",
                hints: NearestName.hints(name, in: choices)
                    + ["known here: \(choices.joined(separator: ", "))"])
        }
        return name
    }

    mutating func integer(_ key: String, default standard: Int, in range: ClosedRange<Int>) throws -> Int {
        known.append(key)
        guard let value = object[key] else { return standard }
        guard let number = value.intValue, range.contains(number) else {
            throw MLError(
                .invalidInput,
                "'\(path).\(key)' must be a whole number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \(value.compact())")
        }
        return number
    }

    mutating func number(_ key: String, default standard: Double, in range: ClosedRange<Double>) throws -> Double {
        known.append(key)
        guard let value = object[key] else { return standard }
        guard let number = value.doubleValue, range.contains(number) else {
            throw MLError(
                .invalidInput,
                "'\(path).\(key)' must be a number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \(value.compact())")
        }
        return number
    }

    mutating func numbers(_ key: String, default standard: [Double]) throws -> [Double] {
        known.append(key)
        guard let value = object[key] else { return standard }
        let list = value.arrayValue?.compactMap(\.doubleValue).filter { $0 > 0 } ?? []
        guard !list.isEmpty, list.count == value.arrayValue?.count else {
            throw MLError(.invalidInput, "'\(path).\(key)' must be a list of positive numbers, not \(value.compact())")
        }
        return list
    }

    /// The value itself, for keys of several shapes.
    mutating func value(_ key: String) -> JSON? {
        known.append(key)
        return object[key]
    }

    func has(_ key: String) -> Bool { object[key] != nil && object[key] != .null }

    mutating func integers(
        _ key: String, default standard: [Int], in range: ClosedRange<Int>
    ) throws -> [Int] {
        known.append(key)
        guard let value = object[key] else { return standard }
        let list = (value.arrayValue ?? [value]).map { $0.intValue ?? .min }
        guard list.allSatisfy(range.contains), list.count <= 64 else {
            throw MLError(
                .invalidInput,
                "'\(path).\(key)' must be a list of whole numbers from \(range.lowerBound) to \(range.upperBound), "
                    + "not \(value.compact())")
        }
        return list
    }

    mutating func flag(_ key: String, default standard: Bool) throws -> Bool {
        known.append(key)
        guard let value = object[key] else { return standard }
        guard case .bool(let flag) = value else {
            throw MLError(.invalidInput, "'\(path).\(key)' must be true or false, not \(value.compact())")
        }
        return flag
    }

    /// - Parameter standard: nil: the key must be there.
    mutating func text(_ key: String, default standard: String?) throws -> String {
        known.append(key)
        guard let value = object[key], value != .null else {
            if let standard { return standard }
            throw MLError(.invalidInput, "'\(path).\(key)' is missing")
        }
        guard let text = value.stringValue else {
            throw MLError(.invalidInput, "'\(path).\(key)' must be a text, not \(value.compact())")
        }
        return text
    }

    /// One of several words; the first when nothing is said.
    mutating func choice(_ key: String, _ choices: [String]) throws -> String {
        let word = try text(key, default: choices[0])
        guard choices.contains(word) else {
            throw MLError(
                .invalidInput, "'\(path).\(key)' cannot be '\(word)'",
                hints: NearestName.hints(word, in: choices) + ["known here: \(choices.joined(separator: ", "))"])
        }
        return word
    }

    func finish() throws {
        if let shorthand, !known.contains("layer") {
            throw MLError(.invalidInput, "'\(path)' must be a mapping, not '\(shorthand)'")
        }
        for key in object.keys where !known.contains(key) {
            throw MLError(
                .invalidInput, "unknown key '\(path).\(key)'",
                hint: NearestName.find(key, in: known).map { "did you mean '\($0)'?" }
                    ?? "known here: \(known.joined(separator: ", "))")
        }
    }
}
