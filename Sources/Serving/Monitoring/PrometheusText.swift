import Base

/// The values of a page in Prometheus' text format 0.0.4, by metric.
public struct PrometheusText: Sendable {
    public struct Value: Sendable {
        public var labels: [String: String]
        public var value: Double
    }

    private var metrics: [String: [Value]] = [:]

    /// - Throws: `MLError(.invalidInput)` naming the line that is none.
    public init(_ text: String) throws {
        for (number, line) in text.utf8.split(separator: 10).enumerated() where line.first != UInt8(ascii: "#") {
            guard let (name, value) = PrometheusText.read(String(Substring(line))) else {
                throw MLError(.invalidInput, "line \(number + 1) of the metrics is none of Prometheus' text format")
            }
            metrics[name, default: []].append(value)
        }
    }

    public func values(_ name: String) -> [Value] { metrics[name] ?? [] }

    /// The sum over all labels; nil when there is none.
    public func sum(_ name: String, where isMeant: (Value) -> Bool = { _ in true }) -> Double? {
        guard let values = metrics[name] else { return nil }
        return values.reduce(0) { isMeant($1) ? $0 + $1.value : $0 }
    }

    private static func read(_ line: String) -> (String, Value)? {
        var rest = line[...]
        let name = String(rest.prefix { $0 != "{" && $0 != " " })
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while let first = rest.first, first != "}" {
                let key = String(rest.prefix { $0 != "=" })
                rest = rest.dropFirst(key.count + 1)
                guard rest.popFirst() == "\"" else { return nil }
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped == "n" ? "\n" : escaped)
                }
                labels[key] = value
                if rest.first == "," { rest.removeFirst() }
            }
            guard rest.popFirst() == "}" else { return nil }
        }
        guard let word = rest.split(separator: " ").first else { return nil }
        let value = word == "+Inf" ? Double.infinity : word == "-Inf" ? -.infinity : Double(word)
        guard !name.isEmpty, let value else { return nil }
        return (name, Value(labels: labels, value: value))
    }
}
