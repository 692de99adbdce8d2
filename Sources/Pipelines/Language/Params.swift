import Base

/// Param files: values by dotted key.
public enum Params {
    /// Reads a YAML, JSON, TOML or Python file, told apart by the name's ending; any other is read as YAML. An empty
    /// file is an empty mapping.
    ///
    /// - Throws: `MLError(.invalidInput)` for invalid files, with the place of the mistake.
    public static func load(_ bytes: [UInt8], name: String) throws -> JSON {
        switch fileExtension(name) {
        case "json":
            do { return try JSON(parsing: bytes) } catch let error as MLError {
                // Python writes NaN and Infinity, which JSON has not; YAML reads them as text.
                if let value = try? YAMLDocument(bytes, name: name).root?.json { return value }
                throw MLError(error.code, "\(name): \(error.message)")
            }
        case "toml": return try TOMLParser.parse(bytes, name: name)
        case "py": return try PythonParams.parse(bytes, name: name)
        default:
            return try YAMLDocument(bytes, name: name).root?.json ?? [:]
        }
    }

    /// The value under a dotted key: `train.lr`, `layers[0].size`, `layers.0.size`. nil when it is not there.
    ///
    /// A key that contains dots itself is found too, as whole keys are tried before parts.
    public static func lookup(_ key: String, in value: JSON) -> JSON? {
        if case .object(let object) = value, let found = object[key] { return found }
        guard let path = try? TemplateExpression(key) else { return nil }
        return path.select(in: value)
    }

    /// Leaves by dotted key, in the order of the file. Lists are leaves; so are empty mappings.
    public static func flatten(_ value: JSON, prefix: String = "") -> [(key: String, value: JSON)] {
        var result: [(key: String, value: JSON)] = []
        appendLeaves(of: value, prefix, &result)
        return result
    }

    private static func appendLeaves(of value: JSON, _ prefix: String, _ result: inout [(key: String, value: JSON)]) {
        guard case .object(let object) = value, !object.isEmpty || prefix.isEmpty else {
            result.append((prefix, value))
            return
        }
        for (key, value) in object.pairs { appendLeaves(of: value, prefix.isEmpty ? key : "\(prefix).\(key)", &result) }
    }

    static func fileExtension(_ name: String) -> String {
        let last = Files.lastComponent(of: name)
        guard let dot = last.lastIndex(of: "."), dot != last.startIndex else { return "" }
        return String(last[last.index(after: dot)...]).lowercased()
    }
}

/// Metric files: numbers, texts and booleans by dotted key.
public enum Metrics {
    /// The leaves of a JSON, YAML or TOML file that are numbers, texts or booleans; lists and nulls are no metrics, as
    /// in DVC.
    ///
    /// A number that is not finite becomes the text `nan`, `inf` or `-inf`, since JSON cannot hold it.
    /// A file that is one bare number has the empty key.
    public static func load(_ bytes: [UInt8], name: String) throws -> JSONObject {
        var result = JSONObject()
        for (key, value) in Params.flatten(try Params.load(bytes, name: name)) {
            switch value {
            case .number(let number) where !number.isFinite: result[key] = .string(spell(number))
            case .integer, .number, .string, .bool: result[key] = value
            default: break
            }
        }
        return result
    }

    /// The same in the shape of the file: mappings stay mappings.
    public static func only(_ value: JSON) -> JSON {
        guard case .object(let object) = value else { return value }
        var result = JSONObject()
        for (key, value) in object.pairs {
            switch value {
            case .number(let number) where !number.isFinite: result[key] = .string(spell(number))
            case .integer, .number, .string, .bool: result[key] = value
            case .object: result[key] = only(value)
            case .array, .null: break
            }
        }
        return .object(result)
    }

    private static func spell(_ value: Double) -> String { value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
}
