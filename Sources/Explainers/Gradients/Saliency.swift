import Base

/// Saliency (Simonyan, Vedaldi and Zisserman 2013): a word's value is the sum of the sizes of the gradient's elements at
/// its vector. It says how much the answer depends on a word, never which way. As captum 0.9's `Saliency`, summed over
/// the embedding.
public struct Saliency: Explainer {
    public var precision: Precision

    public init(precision: Precision = .float) { self.precision = precision }

    public var method: String { "saliency" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let slopes = try opened.slopes(at: [opened.model.vectors, opened.baseline])
        return opened.attribution(
            method, parameters: ["precision": .string(precision.rawValue), "norm": "l1"],
            values: opened.perToken(slopes[0].gradient.map(abs)), base: slopes[1].value, delta: nil,
            remarks: ["sizes without a sign"])
    }
}

/// Input times gradient (Shrikumar et al. 2016): the first-order estimate of what a word's vector adds. As captum 0.9's
/// `InputXGradient`, summed over the embedding. `delta` is how far the values are from adding up.
public struct InputXGradient: Explainer {
    public var precision: Precision

    public init(precision: Precision = .float) { self.precision = precision }

    public var method: String { "input-x-gradient" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let slopes = try opened.slopes(at: [opened.model.vectors, opened.baseline])
        let values = opened.perToken(zip(slopes[0].gradient, opened.model.vectors).map { $0 * $1 })
        return opened.attribution(
            method, parameters: ["precision": .string(precision.rawValue)], values: values, base: slopes[1].value,
            delta: values.reduce(0, +) - (slopes[0].value - slopes[1].value))
    }
}
