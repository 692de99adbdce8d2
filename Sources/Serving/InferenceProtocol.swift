import Base

/// The Open Inference Protocol, version 2, over HTTP (kserve/open-inference-protocol, `inference_rest.md`).
///
/// The input is named `text`, of datatype BYTES, one string a text. Outputs: `label` (BYTES, one a text) and `probabilities`
/// (FP64, a row of one number a class, whose names are its parameter `labels`).
struct InferenceProtocol: Sendable {
    let service: ModelService
    let context: RequestContext
    private var generation: Generation { context.generation }
    private var identity: RequestIdentity { context.identity }

    func answer(_ method: String, _ request: ServedRequest, _ finish: @escaping @Sendable (ServedReply) -> Void) {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        guard parts.first == "v2" else {
            return finish(.error(404, "there is nothing at '\(request.path.prefix(200))'"))
        }
        if parts.count == 1 {
            guard method == "GET" else { return finish(ServedReply.error(405, "use GET").with(("allow", "GET"))) }
            return finish(.json(["name": "git-ml", "version": "1", "extensions": ["binary_tensor_data"]]))
        }
        guard parts.count >= 3, parts[1] == "models" else {
            return finish(.error(404, "there is nothing at '\(request.path.prefix(200))'"))
        }
        guard parts[2] == generation.model else {
            return finish(.error(404, "there is no model '\(parts[2].prefix(100))', only '\(generation.model)'"))
        }
        var rest = parts[3...]
        if rest.first == "versions" {
            rest = rest.dropFirst()
            guard let version = rest.popFirst(), generation.answers(to: version) else {
                return finish(
                    .error(
                        404,
                        "version '\(parts.count > 4 ? String(parts[4].prefix(100)) : "")' is not served, but "
                            + "'\(generation.version)'"))
            }
        }
        switch (method, Array(rest)) {
        case ("GET", []): finish(.json(metadata))
        case ("GET", ["ready"]):
            finish(
                .json(
                    ["name": .string(generation.model), "ready": .bool(service.isReady)],
                    status: service.isReady ? 200 : 503))
        case ("POST", ["infer"]): infer(request, finish)
        case (_, []), (_, ["ready"]): finish(ServedReply.error(405, "use GET").with(("allow", "GET")))
        case (_, ["infer"]): finish(ServedReply.error(405, "use POST").with(("allow", "POST")))
        default: finish(.error(404, "there is nothing at '\(request.path.prefix(200))'"))
        }
    }

    private var metadata: JSON {
        let classes = generation.labels.count
        return [
            "name": .string(generation.model), "versions": [.string(generation.version)], "platform": "git-ml",
            "inputs": [["name": "text", "datatype": "BYTES", "shape": [-1]]],
            "outputs": [
                ["name": "label", "datatype": "BYTES", "shape": [-1]],
                ["name": "probabilities", "datatype": "FP64", "shape": [-1, JSON(classes)]],
            ],
            "parameters": ["labels": JSON(generation.labels)],
        ]
    }

    private struct Question {
        var id: String?
        var texts: [String]
        var outputs: [String]
        /// Outputs that are wanted after the JSON.
        var binary: Set<String> = []
    }

    private func infer(_ request: ServedRequest, _ finish: @escaping @Sendable (ServedReply) -> Void) {
        let question: Question
        do { question = try read(request) } catch let failure as ServiceFailure {
            return finish(failure.reply)
        } catch {
            return finish(.error(400, "the body is no JSON: \((error as? MLError)?.message ?? "")"))
        }
        service.predict(question.texts, context) { generation, result in
            switch result {
            case .failure(let failure): finish(failure.reply)
            case .success(let rows): finish(reply(question, rows, generation))
            }
        }
    }

    private func read(_ request: ServedRequest) throws -> Question {
        var length = request.body.count
        if let header = request.header(BinaryTensors.header) {
            guard let value = Int(header), (0...length).contains(value) else {
                throw ServiceFailure(400, "'\(BinaryTensors.header)' is no length within the body")
            }
            length = value
        }
        let json = try JSON(parsing: Array(request.body[..<length]))
        guard case .object = json else { throw ServiceFailure(400, "the body must be an object with 'inputs'") }
        guard let inputs = json["inputs"]?.arrayValue, !inputs.isEmpty else {
            throw ServiceFailure(400, "'inputs' is missing or empty")
        }
        guard inputs.count == 1, let input = inputs.first else {
            throw ServiceFailure(400, "the model has one input, not \(inputs.count)")
        }
        guard let name = input["name"]?.stringValue else { throw ServiceFailure(400, "the input has no 'name'") }
        guard let datatype = input["datatype"]?.stringValue else {
            throw ServiceFailure(400, "input '\(name)' has no 'datatype'")
        }
        guard datatype == "BYTES" else {
            throw ServiceFailure(400, "input '\(name)' is '\(datatype)', and the model takes BYTES")
        }
        let texts = try texts(input, name, request.body[length...])
        guard let shape = input["shape"]?.arrayValue?.map(\.intValue), shape.allSatisfy({ $0 != nil }) else {
            throw ServiceFailure(400, "input '\(name)' has no 'shape' of whole numbers")
        }
        // Sizes are the client's: their product may be anything.
        let count = shape.reduce(1) { product, size in
            let (value, overflow) = product.multipliedReportingOverflow(by: size ?? 0)
            return overflow ? -1 : value
        }
        guard count == texts.count else {
            throw ServiceFailure(400, "input '\(name)' has \(texts.count) elements, and its shape is for \(count)")
        }
        let known = ["label", "probabilities"]
        let outputs = try json["outputs"]?.arrayValue?.map { output -> String in
            guard let name = output["name"]?.stringValue, known.contains(name) else {
                throw ServiceFailure(
                    400, "there is no output '\(output["name"]?.stringValue ?? "")', only 'label' and 'probabilities'")
            }
            return name
        }
        let id: String?
        switch json["id"] {
        case nil, .null?: id = nil
        case .string(let text)?: id = text
        default: throw ServiceFailure(400, "'id' must be a string")
        }
        let names = outputs.flatMap { $0.isEmpty ? nil : $0 } ?? known
        let areAllBinary = json["parameters"]?["binary_data_output"]?.boolValue ?? false
        var binary = Set(areAllBinary ? names : [])
        for output in json["outputs"]?.arrayValue ?? [] {
            guard let wish = output["parameters"]?["binary_data"]?.boolValue, let name = output["name"]?.stringValue
            else { continue }
            if wish { binary.insert(name) } else { binary.remove(name) }
        }
        return Question(id: id, texts: texts, outputs: names, binary: binary)
    }

    private func texts(_ input: JSON, _ name: String, _ rest: ArraySlice<UInt8>) throws -> [String] {
        if let size = input["parameters"]?["binary_data_size"] {
            guard let size = size.intValue, size == rest.count, let texts = BinaryTensors.texts(rest) else {
                throw ServiceFailure(400, "the binary data of input '\(name)' are not the texts it says")
            }
            return texts
        }
        guard let data = input["data"]?.arrayValue else { throw ServiceFailure(400, "input '\(name)' has no 'data'") }
        // Nested lists are allowed by the protocol.
        func flat(_ values: [JSON]) -> [JSON] { values.flatMap { $0.arrayValue.map(flat) ?? [$0] } }
        return try flat(data).enumerated().map { number, entry in
            guard let text = entry.stringValue else {
                throw ServiceFailure(400, "element \(number + 1) of input '\(name)' is no string")
            }
            return text
        }
    }

    private func reply(_ question: Question, _ rows: [[Double]], _ generation: Generation) -> ServedReply {
        let labels = generation.labels
        let best = rows.map { row in labels[row.indices.max { row[$0] < row[$1] } ?? 0] }
        var binary: [UInt8] = []
        let outputs = question.outputs.map { name -> JSON in
            let isLabel = name == "label"
            var output: JSONObject = [
                "name": .string(name), "datatype": isLabel ? "BYTES" : "FP64",
                "shape": isLabel ? [JSON(rows.count)] : [JSON(rows.count), JSON(labels.count)],
            ]
            var parameters: JSONObject = [:]
            if !isLabel { parameters["labels"] = JSON(labels) }
            if question.binary.contains(name) {
                let bytes = isLabel ? BinaryTensors.bytes(best) : BinaryTensors.bytes(rows)
                parameters["binary_data_size"] = JSON(bytes.count)
                binary += bytes
            }
            if !parameters.keys.isEmpty { output["parameters"] = .object(parameters) }
            if !question.binary.contains(name) {
                output["data"] = isLabel ? JSON(best) : JSON(Array(rows.joined()))
            }
            return .object(output)
        }
        let answer: JSONObject = [
            "model_name": .string(generation.model), "model_version": .string(generation.version),
            "id": .string(question.id ?? identity.id), "outputs": .array(outputs),
        ]
        var reply = ServedReply.json(.object(answer))
        if !binary.isEmpty {
            reply.headers.append((BinaryTensors.header, String(reply.body.count)))
            reply.contentType = "application/octet-stream"
            reply.body += binary
        }
        reply.version = generation.version
        return reply
    }
}
