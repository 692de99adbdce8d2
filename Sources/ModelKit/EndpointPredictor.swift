import Base
import Remotes

/// A model behind HTTP that speaks the Open Inference Protocol V2 (kserve/open-inference-protocol, inference_rest.md):
/// texts go as one BYTES input, probabilities come as an output of n × labels numbers.
public struct EndpointPredictor: Predictor {
    public let labels: [String]
    private let url: String
    private let input: String
    private let exchange: JSONExchange
    private let check: AnswerCheck

    /// Asks the server about the model, and for its labels with one short text.
    ///
    /// - Parameters:
    ///   - url: `http(s)://host/v2/models/NAME`, with `/versions/V` and `/infer` if wanted; of `http(s)://host` the only
    ///     model the server lists is not guessed.
    ///   - timeout: seconds a batch of texts may take.
    ///   - labels: the classes, if the server does not say.
    public init(_ url: String, timeout: Double = 60, labels: [String]? = nil) throws {
        guard timeout > 0, timeout.isFinite else { throw MLError(.usage, "a time-out must be a positive number") }
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        if base.hasSuffix("/infer") { base.removeLast(6) }
        guard base.hasPrefix("http://") || base.hasPrefix("https://"), base.contains("/v2/models/") else {
            throw MLError(
                .usage, "'\(URLText.withoutCredentials(url))' is no address of a model",
                hint: "give http://HOST:PORT/v2/models/NAME")
        }
        self.url = base
        exchange = JSONExchange(timeout: timeout)
        check = AnswerCheck(name: "the endpoint '\(URLText.withoutCredentials(base))'")
        // A server need not describe its models.
        let answer = try exchange.get(base)
        let about = answer.status == 200 ? (try? JSON(parsing: answer.body)) ?? .null : .null
        input = about["inputs"]?.arrayValue?.first?["name"]?.stringValue ?? "text"
        let first = try EndpointPredictor.ask(["text"], self.url, input, exchange, check)
        let described = (about["outputs"]?.arrayValue ?? []).compactMap { EndpointPredictor.names($0) }.first
        let names = first.labels ?? described ?? EndpointPredictor.names(about) ?? labels
        self.labels = names ?? first.rows.first?.indices.map { String($0) } ?? []
        guard self.labels.count >= 2, Set(self.labels).count == self.labels.count else {
            throw MLError(.failed, "\(check.name) names \(self.labels.count) labels, or one twice")
        }
        _ = try check.rows(first.rows, texts: ["text"], labels: self.labels.count)
    }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        if texts.isEmpty { return [] }
        // A server that cannot be reached is not the fault of a text.
        return try check.blame(texts) {
            ($0 as? MLError)?.code == .failed
        } _: { part in
            let answer = try EndpointPredictor.ask(part, url, input, exchange, check)
            return try check.rows(answer.rows, texts: part, labels: labels.count)
        }
    }

    private static func ask(
        _ texts: [String], _ url: String, _ input: String, _ exchange: JSONExchange, _ check: AnswerCheck
    ) throws -> (rows: [[Double?]], labels: [String]?) {
        let place = AnswerCheck.quoted(texts.first ?? "")
        let answer = try exchange.post(
            url + "/infer",
            [
                "inputs": [
                    ["name": .string(input), "shape": [JSON(texts.count)], "datatype": "BYTES", "data": JSON(texts)]
                ]
            ])
        let json = (try? JSON(parsing: CommandPredictor.withoutNaN(answer.body))) ?? .null
        guard answer.status == 200 else {
            let words = json["error"]?.stringValue.map { ": \($0)" } ?? ""
            throw MLError(.failed, "\(check.name) answered \(answer.status) to the text \(place)\(words)")
        }
        let outputs = json["outputs"]?.arrayValue ?? []
        let isNumber = { (output: JSON) in (output["datatype"]?.stringValue ?? "").hasPrefix("FP") }
        guard
            let output = outputs.first(where: { $0["name"]?.stringValue == "probabilities" && isNumber($0) })
                ?? outputs.first(where: isNumber),
            let data = output["data"]?.arrayValue
        else {
            throw MLError(
                .failed, "\(check.name) answered the text \(place) without an output of numbers",
                hint: "an output of datatype FP32 or FP64 and shape [texts, labels] is needed")
        }
        // Nested arrays are allowed by the protocol.
        let flat = data.flatMap { $0.arrayValue ?? [$0] }.map { $0 == .null ? nil : $0.doubleValue }
        let width = output["shape"]?.arrayValue?.last?.intValue ?? flat.count / max(1, texts.count)
        guard width > 0, flat.count == width * texts.count else {
            throw MLError(
                .failed, "\(check.name) gave \(flat.count) numbers for \(texts.count) texts, the first \(place)")
        }
        let rows = texts.indices.map { Array(flat[$0 * width..<($0 + 1) * width]) }
        let names = EndpointPredictor.names(output) ?? EndpointPredictor.names(json)
        return (rows, names ?? outputs.first { $0["name"]?.stringValue == "labels" }.flatMap { listed($0, width) })
    }

    /// `parameters.labels`, as a list or in one string.
    private static func names(_ json: JSON) -> [String]? {
        let value = json["parameters"]?["labels"]
        if let list = value?.arrayValue { return list.map { $0.stringValue ?? $0.compact() } }
        return value?.stringValue.map { $0.split(separator: ",").map { String($0.trimmed) } }
    }

    /// An output named `labels` that lists all classes; one that lists the best class of each text does not.
    private static func listed(_ output: JSON, _ width: Int) -> [String]? {
        let list = output["data"]?.arrayValue?.compactMap(\.stringValue) ?? []
        return list.count == width && Set(list).count == width ? list : nil
    }
}

extension Substring {
    /// Without white space at the ends.
    fileprivate var trimmed: Substring {
        var part = self.drop(while: \.isWhitespace)
        while part.last?.isWhitespace == true { part.removeLast() }
        return part
    }
}
