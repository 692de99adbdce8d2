import Base

/// A condition a stage sets on its own metrics under `meta.mlrun.gates`.
public enum Gate {
    /// The gates that are not met, in words.
    ///
    /// - Parameters:
    ///   - metrics: by metric file, flattened, as in a record.
    ///   - base: the metrics of the run before, for `max_increase` and `max_decrease`; without one these are met.
    public static func unmet(_ gates: [JSONObject], metrics: JSONObject, base: JSONObject?) -> [String] {
        gates.flatMap { gate -> [String] in
            let name = gate["metric"]?.stringValue ?? ""
            guard let value = find(name, metrics) else { return ["the metric '\(name)' of a gate is missing"] }
            var result: [String] = []
            func check(_ key: String, _ isMet: (Double) -> Bool, _ words: String) {
                guard let bound = gate[key], let number = bound.doubleValue, !isMet(number) else { return }
                result.append("the metric '\(name)' is \(spell(value)), \(words) \(spell(number))")
            }
            check("min", { value >= $0 }, "below the gate's minimum")
            check("max", { value <= $0 }, "above the gate's maximum")
            if let before = base.flatMap({ find(name, $0) }) {
                check("max_increase", { value - before <= $0 }, "which is up from \(spell(before)) by more than")
                check("max_decrease", { before - value <= $0 }, "which is down from \(spell(before)) by more than")
            }
            return result
        }
    }

    /// A metric by its name, or by `file:name`.
    private static func find(_ name: String, _ metrics: JSONObject) -> Double? {
        for (file, values) in metrics.pairs {
            if let value = values[name]?.doubleValue { return value }
            if name.hasPrefix(file + ":"), let value = values[String(name.dropFirst(file.count + 1))]?.doubleValue {
                return value
            }
        }
        return nil
    }

    private static func spell(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? value.description
    }
}
