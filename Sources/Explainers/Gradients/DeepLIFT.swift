import Base

/// DeepLIFT with the rescale rule (Shrikumar, Greenside and Kundaje, ICML 2017, §3.5.1) against zero vectors: as captum
/// 0.9's `DeepLift` where all layers are sums and functions of one number. Products of two numbers (gates, attention),
/// for which the paper has no rule, share their difference evenly: Δ(ab) = Δa·(b + b₀)/2 + Δb·(a + a₀)/2, the Shapley
/// value of two factors, so that the sum rule holds for recurrent models too.
public struct DeepLIFT: Explainer {
    public init() {}

    public var method: String { "deeplift" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: .double)
        let (multipliers, value, base) = try opened.model.rescaleMultipliers(from: opened.baseline)
        guard multipliers.allSatisfy(\.isFinite), value.isFinite, base.isFinite else {
            throw MLError(.failed, "the model gave a multiplier that is not a finite number")
        }
        let values = opened.perToken(zip(multipliers, opened.model.vectors).map { $0 * $1 })
        return opened.attribution(
            method, parameters: ["rule": "rescale", "baseline": "zero", "precision": "double"], values: values,
            base: base, delta: values.reduce(0, +) - (value - base))
    }
}
