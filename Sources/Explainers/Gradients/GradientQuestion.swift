import Base

/// A text opened for a gradient method: the model's answer, and its probability as a function of the word vectors.
struct GradientQuestion {
    let question: Question
    let model: any DifferentiableText
    let text: String

    init(
        _ text: String, predictor: any Predictor, target: ExplanationTarget, method: String, precision: Precision
    ) throws {
        guard let predictor = predictor as? any DifferentiablePredictor else {
            throw MLError(
                .invalidInput, "'\(method)' needs the gradients of the model, and this one has none",
                hint: "'lime', 'partition' and 'occlusion' work with any model")
        }
        self.text = text
        question = try Question(text, predictor: predictor, target: target)
        model = try predictor.differentiable(text, target: question.target, precision: precision)
        guard model.vectors.count == model.tokensOfRow.count * model.width, model.vectors.allSatisfy(\.isFinite) else {
            throw MLError(.failed, "the model gave word vectors that are none")
        }
    }

    /// All vectors zero: what every word is compared with.
    var baseline: [Double] { [Double](repeating: 0, count: model.vectors.count) }

    /// Values and gradients, each a finite number.
    func slopes(at points: [[Double]], through unit: (layer: Int, unit: Int)? = nil) throws -> [Slope] {
        let slopes = try model.slopes(at: points, through: unit)
        guard slopes.count == points.count,
            slopes.allSatisfy({ $0.value.isFinite && $0.gradient.allSatisfy(\.isFinite) })
        else { throw MLError(.failed, "the model gave a gradient that is not a finite number") }
        return slopes
    }

    /// A value for each token from a value for each element of the input: rows summed, and shared among their tokens.
    func perToken(_ values: [Double]) -> [Double] {
        perToken(rows: model.tokensOfRow.indices.map { values[$0 * model.width..<($0 + 1) * model.width].reduce(0, +) })
    }

    /// A value for each token from a value for each row.
    func perToken(rows: [Double]) -> [Double] {
        var out = [Double](repeating: 0, count: model.tokens.count)
        for (row, tokens) in model.tokensOfRow.enumerated() {
            for token in tokens { out[token] += rows[row] / Double(tokens.count) }
        }
        return out
    }

    /// The values of the tokens as an attribution.
    func attribution(
        _ method: String, parameters: JSONObject, values: [Double], errors: [Double]? = nil, base: Double,
        delta: Double?, remarks: [String] = []
    ) -> Attribution {
        let bytes = Array(text.utf8)
        return Attribution(
            text: text, method: method, parameters: parameters, target: question.targetLabel,
            predictedLabel: question.predictedLabel, probability: question.probability,
            words: model.tokens.enumerated().map { index, token in
                .init(
                    index: index, text: String(decoding: bytes[token.range], as: UTF8.self), occurrences: [token.range],
                    value: values[index], standardError: errors?[index])
            },
            base: base, delta: delta, remarks: remarks)
    }

    /// The layer of this name.
    func layer(_ name: String, method: String) throws -> Int {
        let names = model.layers.map(\.name)
        if let index = names.firstIndex(of: name) { return index }
        var hints = ["it has \(names.map { "'\($0)'" }.joined(separator: ", "))"]
        if let near = NearestName.find(name, in: names) { hints.insert("did you mean '\(near)'?", at: 0) }
        throw MLError(.notFound, "the model has no layer '\(name)' for '\(method)'", hints: hints)
    }
}
