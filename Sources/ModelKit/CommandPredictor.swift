import Base

/// A program as a model (`Documentation/formats/predictor.md`): it reads a JSON object a line, `{"id": 7, "texts": […]}`,
/// and answers each with a line, `{"id": 7, "labels": […], "probabilities": [[…], …]}` or `{"id": 7, "error": "…"}`.
public final class CommandPredictor: Predictor, @unchecked Sendable {
    public let labels: [String]
    private let command: String
    private let timeout: Double
    private let check: AnswerCheck
    private let mutex = Mutex()
    private var process: LineProcess?
    private var requests = 0

    /// Starts the program and asks it for its labels with one short text.
    ///
    /// - Parameters:
    ///   - command: for the shell.
    ///   - timeout: seconds a batch of texts may take.
    ///   - labels: the classes, if the program does not say.
    public init(_ command: String, timeout: Double = 60, labels: [String]? = nil) throws {
        guard timeout > 0, timeout.isFinite else { throw MLError(.usage, "a time-out must be a positive number") }
        self.command = command
        self.timeout = timeout
        check = AnswerCheck(name: "the predictor '\(command)'")
        var process: LineProcess?
        var requests = 0
        let answer = try CommandPredictor.ask(["text"], command, timeout, check, &process, &requests)
        let rows = try CommandPredictor.probabilities(answer, labels: nil, check, ["text"])
        self.labels =
            CommandPredictor.names(answer) ?? labels ?? rows.rows.first?.indices.map { String($0) } ?? []
        guard self.labels.count >= 2, Set(self.labels).count == self.labels.count else {
            throw MLError(
                .failed, "\(check.name) names \(self.labels.count) labels, or one twice",
                hint: "it should answer {\"id\": 1, \"labels\": [\"neg\", \"pos\"], \"probabilities\": [[0.1, 0.9]]}")
        }
        self.process = process
        self.requests = requests
    }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        if texts.isEmpty { return [] }
        return try mutex.withLock {
            try check.blame(texts) { error in
                (error as? MLError)?.hints.contains(CommandPredictor.timeoutHint) != true
            } _: { part in
                let answer = try CommandPredictor.ask(part, command, timeout, check, &process, &requests)
                let (rows, order) = try CommandPredictor.probabilities(answer, labels: labels, check, part)
                let ordered = rows.map { row in row.count == labels.count ? order.map { row[$0] } : row }
                return try check.rows(ordered, texts: part, labels: labels.count)
            }
        }
    }

    private static let timeoutHint = "raise the limit with '--timeout SECONDS'"

    private static func ask(
        _ texts: [String], _ command: String, _ timeout: Double, _ check: AnswerCheck, _ process: inout LineProcess?,
        _ requests: inout Int
    ) throws -> JSON {
        let running = try process ?? LineProcess(["sh", "-c", command])
        process = running
        requests += 1
        let request: JSON = ["id": JSON(requests), "texts": JSON(texts)]
        let place = AnswerCheck.quoted(texts.first ?? "")
        let line: [UInt8]
        do { line = try running.exchange(Array(request.compact().utf8), within: timeout) } catch {
            process = nil
            switch error as? LineProcess.Failure {
            case .timeout?:
                throw MLError(
                    .failed,
                    "\(check.name) gave no answer within \(Quantity(timeout)) s to \(texts.count) "
                        + "text\(texts.count == 1 ? "" : "s"), the first \(place)",
                    hint: timeoutHint)
            case .ended(let status, let words)?:
                throw MLError(
                    .failed,
                    "\(check.name) ended (exit \(status)) on the text \(place)" + (words.isEmpty ? "" : ": \(words)"))
            case nil: throw error
            }
        }
        // "NaN" is no JSON, but it is what Python writes.
        guard let answer = try? JSON(parsing: CommandPredictor.withoutNaN(line)), case .object = answer else {
            process = nil
            throw MLError(
                .failed, "\(check.name) answered the text \(place) with no JSON object",
                hint: "it wrote \(AnswerCheck.quoted(String(decoding: line, as: UTF8.self)))")
        }
        if let words = answer["error"]?.stringValue {
            throw MLError(.failed, "\(check.name) refuses the text \(place): \(words)")
        }
        if let id = answer["id"], id != JSON(requests) {
            process = nil
            throw MLError(.failed, "\(check.name) answered request \(id.compact()) instead of \(requests)")
        }
        return answer
    }

    /// `NaN` and infinities outside of strings become null, which no probability is.
    static func withoutNaN(_ line: [UInt8]) -> String {
        let text = String(decoding: line, as: UTF8.self)
        guard text.contains("NaN") || text.contains("Infinity") else { return text }
        var parts = text.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        for index in stride(from: 0, to: parts.count, by: 2) {
            for word in ["-Infinity", "Infinity", "NaN"] {
                while let range = parts[index].firstRange(of: word) {
                    parts[index].replaceSubrange(range, with: "null")
                }
            }
        }
        return parts.joined(separator: "\"")
    }

    private static func names(_ answer: JSON) -> [String]? {
        guard let list = answer["labels"]?.arrayValue else { return nil }
        return list.map { $0.stringValue ?? $0.compact() }
    }

    /// The rows, and where each of our labels stands in them.
    private static func probabilities(
        _ answer: JSON, labels: [String]?, _ check: AnswerCheck, _ texts: [String]
    ) throws -> (rows: [[Double?]], order: [Int]) {
        guard let rows = answer["probabilities"]?.arrayValue else {
            throw MLError(
                .failed,
                "\(check.name) answered the text \(AnswerCheck.quoted(texts.first ?? "")) without probabilities")
        }
        let values = rows.map { row in (row.arrayValue ?? [row]).map { $0 == .null ? nil : $0.doubleValue } }
        guard let labels else { return (values, []) }
        guard let own = names(answer) else { return (values, Array(labels.indices)) }
        let order = labels.compactMap { own.firstIndex(of: $0) }
        guard order.count == labels.count, own.count == labels.count else {
            throw MLError(
                .failed,
                "\(check.name) has the labels \(own.joined(separator: ", ")) for the text "
                    + "\(AnswerCheck.quoted(texts.first ?? "")), and had \(labels.joined(separator: ", ")) before")
        }
        return (values, order)
    }
}

/// Seconds without needless digits.
private struct Quantity: CustomStringConvertible {
    let seconds: Double
    init(_ seconds: Double) { self.seconds = seconds }
    var description: String { seconds == seconds.rounded() ? String(Int(min(seconds, 1e15))) : String(seconds) }
}
