import Base

/// The weights of the model's attention layer: where it looks. They are no attributions: they have no sign, they say
/// nothing about what would happen without a word (Jain and Wallace, "Attention is not explanation", NAACL 2019), and
/// reports carry that remark.
public struct AttentionWeights: Explainer {
    public init() {}

    public var method: String { "attention" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: .float)
        guard let weights = try opened.model.attentionWeights() else {
            throw MLError(
                .invalidInput, "'attention' needs a model with an attention layer, and this one has none",
                hint: "such a model is trained with 'attend: context'; 'ig' and 'saliency' work with any network")
        }
        return opened.attribution(
            method, parameters: ["layer": "attend"], values: opened.perToken(rows: weights),
            base: try opened.slopes(at: [opened.baseline])[0].value, delta: nil,
            remarks: ["attention weights: where the model looks, not how words pull"])
    }
}
