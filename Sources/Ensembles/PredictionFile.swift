import Base

/// Answers that somebody else made, as a member: a line of JSON a text, `{"text": …, "probabilities": {label: p, …}}`, as
/// `git mlrun predict --json` writes them.
public struct PredictionFile: Predictor {
    public let labels: [String]
    private let rows: [String: [Double]]
    private let name: String

    /// - Throws: `MLError(.invalidInput)` naming the line that is no prediction, or has other labels than the first.
    public init(parsing bytes: [UInt8], name: String) throws {
        self.name = name
        var labels: [String] = []
        var rows: [String: [Double]] = [:]
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty { continue }
            guard let json = try? JSON(parsing: Array(line)), let text = json["text"]?.stringValue,
                let object = json["probabilities"]?.objectValue, !object.pairs.isEmpty
            else {
                throw MLError(
                    .invalidInput, "'\(name)' line \(index + 1) is no prediction",
                    hint:
                        "a line is {\"text\": …, \"probabilities\": {label: p, …}}, as 'git mlrun predict --json' writes"
                )
            }
            if labels.isEmpty { labels = object.pairs.map(\.key) }
            let values = labels.compactMap { object[$0]?.doubleValue }
            guard values.count == labels.count, object.pairs.count == labels.count,
                values.allSatisfy({ $0 >= 0 && $0 <= 1 })
            else {
                throw MLError(
                    .invalidInput,
                    "'\(name)' line \(index + 1) has other labels than the first, or values that are no probabilities")
            }
            rows[text] = values
        }
        if rows.isEmpty { throw MLError(.invalidInput, "'\(name)' holds no predictions") }
        self.labels = labels
        self.rows = rows
    }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        try texts.map { text in
            guard let row = rows[text] else {
                let start = text.count > 60 ? text.prefix(59) + "…" : Substring(text)
                throw MLError(.notFound, "'\(name)' has no prediction for the text '\(start)'")
            }
            return row
        }
    }
}
