import Base

/// Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017): the gradient
/// of the probability along the straight path from the baseline (embeddings zero) to the text, summed over the embedding.
///
/// The path integral is a Gauss-Legendre sum. `delta` says how far the values are from adding up to the difference
/// between the probability at the text and at the baseline.
public struct IntegratedGradients: Explainer {
    /// Nodes of the quadrature.
    public var steps: Int
    /// Doubles the nodes until |delta| is at most this, up to `mostSteps`; nil: take `steps` as they are.
    public var tolerance: Double?
    /// `double` needs a `DifferentiablePredictor`.
    public var precision: Precision

    public init(steps: Int = 50, tolerance: Double? = nil, precision: Precision = .float) {
        self.steps = steps
        self.tolerance = tolerance
        self.precision = precision
    }

    public var method: String { "ig" }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSteps = 3200

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        guard steps >= 1 else { throw MLError(.usage, "'ig' needs at least 1 step, not \(steps)") }
        if let tolerance {
            guard tolerance > 0, tolerance.isFinite else {
                throw MLError(.usage, "the tolerance of 'ig' must be a positive number")
            }
        }
        guard let model = predictor as? any GradientPredictor else {
            throw MLError(
                .invalidInput, "'ig' needs the gradients of the model, and this one has none",
                hint: "'lime' works with any model")
        }
        let question = try Question(text, predictor: predictor, target: target)
        let tokens = try model.tokens(of: text)
        var steps = steps
        var result = try integrate(text, model: model, target: question.target, steps: steps, tokens: tokens.count)
        if let tolerance {
            while abs(result.delta) > tolerance, steps * 2 <= IntegratedGradients.mostSteps {
                steps *= 2
                result = try integrate(text, model: model, target: question.target, steps: steps, tokens: tokens.count)
            }
        }
        var parameters: JSONObject = [
            "steps": JSON(steps), "quadrature": "gausslegendre", "baseline": "zero",
            "precision": .string(precision.rawValue),
        ]
        if let tolerance { parameters["tolerance"] = .number(tolerance) }
        var attribution = Attribution(
            text: text, method: method, parameters: parameters, target: question.targetLabel,
            predictedLabel: question.predictedLabel, probability: question.probability,
            words: tokens.enumerated().map { index, token in
                .init(index: index, text: token.text, occurrences: [token.range], value: result.values[index])
            },
            base: result.base, delta: result.delta)
        if let tolerance, abs(result.delta) > tolerance {
            attribution.remarks.append("delta above the tolerance after \(steps) steps")
        }
        return attribution
    }

    private func integrate(
        _ text: String, model: any GradientPredictor, target: Int, steps: Int, tokens: Int
    ) throws -> (values: [Double], base: Double, delta: Double) {
        let (values, value, base) = try integral(text, model, target, GaussLegendre.nodes(steps))
        guard values.count == tokens else {
            throw MLError(.failed, "the model gave \(values.count) attributions for \(tokens) tokens")
        }
        guard values.allSatisfy(\.isFinite), value.isFinite, base.isFinite else {
            throw MLError(.failed, "the model gave an attribution that is not a finite number")
        }
        return (values, base, values.reduce(0, +) - (value - base))
    }

    private func integral(
        _ text: String, _ model: any GradientPredictor, _ target: Int, _ nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        if precision == .float { return try model.integratedGradients(of: text, target: target, nodes: nodes) }
        guard let model = model as? any DifferentiablePredictor else {
            throw MLError(
                .invalidInput, "this model has no gradients in double precision", hint: "use '--precision float'")
        }
        return try model.differentiable(text, target: target, precision: precision).integratedGradients(nodes)
    }
}
