import Base

/// `POST /predict`: a text or a list of texts in, labels and probabilities out.
///
/// The body is JSON, `{"text": "…"}`, `{"texts": ["…"]}`, `"…"` or `["…"]`, or one text as `text/plain`.
struct PlainPrediction: Sendable {
    let service: ModelService
    let context: RequestContext
    private var generation: Generation { context.generation }
    private var identity: RequestIdentity { context.identity }

    private struct Question {
        var texts: [String]
        /// Whether one text came by itself: then one answer goes back by itself.
        var isSingle: Bool
        var wantsExplanation = false
    }

    func answer(_ request: ServedRequest, _ finish: @escaping @Sendable (ServedReply) -> Void) {
        let question: Question
        do { question = try read(request) } catch let failure as ServiceFailure {
            return finish(failure.reply)
        } catch {
            return finish(.error(400, "the body is no JSON: \(error)"))
        }
        if question.wantsExplanation && service.explanations == nil {
            return finish(.error(400, "this server does not explain"))
        }
        service.predict(question.texts, context) { generation, result in
            switch result {
            case .failure(let failure): finish(failure.reply)
            case .success(let rows):
                guard question.wantsExplanation, let explanations = service.explanations else {
                    return finish(reply(question, rows, [], generation))
                }
                explanations.explain(question.texts, generation) { result in
                    switch result {
                    case .success(let found): finish(reply(question, rows, found, generation))
                    case .failure(let failure as ServiceFailure): finish(failure.reply)
                    case .failure(let error):
                        service.report(error, identity)
                        finish(.error(500, "the explanation failed; see the server's log for \(identity.id)"))
                    }
                }
            }
        }
    }

    private func read(_ request: ServedRequest) throws -> Question {
        let type = request.header("content-type")?.lowercased() ?? "application/json"
        if type.hasPrefix("text/plain") {
            guard let text = String(validating: request.body, as: UTF8.self) else {
                throw ServiceFailure(400, "the body is no UTF-8 text")
            }
            return Question(texts: [text], isSingle: true)
        }
        guard type.hasPrefix("application/json") || type.hasPrefix("application/x-www-form-urlencoded") else {
            throw ServiceFailure(415, "the body must be application/json or text/plain, not '\(type.prefix(60))'")
        }
        let body: JSON
        do { body = try JSON(parsing: request.body) } catch let error as MLError {
            throw ServiceFailure(400, "the body is no JSON: \(error.message)")
        }
        switch body {
        case .string(let text): return Question(texts: [text], isSingle: true)
        case .array: return Question(texts: try texts(body), isSingle: false)
        case .object:
            var question: Question
            switch (body["text"], body["texts"]) {
            case (.string(let text)?, nil): question = Question(texts: [text], isSingle: true)
            case (let list?, nil), (nil, let list?): question = Question(texts: try texts(list), isSingle: false)
            default: throw ServiceFailure(400, "the body needs 'text' or 'texts'")
            }
            if let wish = body["explain"] {
                guard let isWished = wish.boolValue else { throw ServiceFailure(400, "'explain' is true or false") }
                question.wantsExplanation = isWished
            }
            return question
        default: throw ServiceFailure(400, "the body needs a text, a list of texts, or an object with 'text'")
        }
    }

    private func texts(_ value: JSON) throws -> [String] {
        guard let list = value.arrayValue else { throw ServiceFailure(400, "'texts' must be a list of strings") }
        return try list.enumerated().map { number, entry in
            guard let text = entry.stringValue else { throw ServiceFailure(400, "text \(number + 1) is no string") }
            return text
        }
    }

    private func reply(
        _ question: Question, _ rows: [[Double]], _ explanations: [JSON], _ generation: Generation
    ) -> ServedReply {
        let labels = generation.labels
        let answers = rows.enumerated().map { index, row -> JSONObject in
            let best = row.indices.max { row[$0] < row[$1] } ?? 0
            var answer: JSONObject = [
                "label": .string(labels[best]),
                "probabilities": .object(JSONObject(zip(labels, row).map { ($0, JSON($1)) })),
            ]
            if index < explanations.count { answer["explanation"] = explanations[index] }
            return answer
        }
        var body: JSONObject = ["predictions": .array(answers.map { .object($0) })]
        if question.isSingle, let only = answers.first { body = only }
        body["model"] = .string(generation.model)
        body["version"] = .string(generation.version)
        var reply = ServedReply.json(.object(body))
        reply.version = generation.version
        return reply
    }
}
