import Base

/// Shapley values of a linear model in closed form: weight × (value − background), as shap 0.51's `LinearExplainer` with
/// independent features (Štrumbelj and Kononenko 2014, §3). They are exact and speak of the score before the link
/// (logit), not of the probability.
public struct LinearShapley: Explainer {
    /// Texts whose mean features are what an absent word is replaced by; none: the empty text, all features 0.
    public var background: [String]

    public init(background: [String] = []) { self.background = background }

    public var method: String { "linear" }

    /// `base` is the score of the background and `sum` the difference to the score of the text. Features of the
    /// background that the text lacks follow its own words; they have no occurrences.
    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        guard let model = predictor as? any LinearPredictor else {
            throw MLError(
                .invalidInput, "'linear' needs a linear model, and this one is not",
                hint: "'partition' or 'permutation' work with any model")
        }
        let question = try Question(text, predictor: predictor, target: target)
        let form = try model.linearForm(of: text, target: question.target)
        var means: [String: (weight: Double, mean: Double)] = [:]
        var names: [String] = []
        for example in background {
            for feature in try model.linearForm(of: example, target: question.target).features {
                if means[feature.name] == nil { names.append(feature.name) }
                means[feature.name, default: (feature.weight, 0)].mean += feature.value / Double(background.count)
            }
        }
        var base = form.intercept
        for name in names { if let entry = means[name] { base += entry.weight * entry.mean } }
        var words: [Attribution.Word] = []
        for feature in form.features {
            let mean = means.removeValue(forKey: feature.name)?.mean ?? 0
            words.append(
                .init(
                    index: words.count, text: feature.name, occurrences: feature.occurrences,
                    value: feature.weight * (feature.value - mean)))
        }
        for name in names {
            guard let entry = means[name] else { continue }
            words.append(.init(index: words.count, text: name, occurrences: [], value: -entry.weight * entry.mean))
        }
        guard form.score.isFinite, words.allSatisfy(\.value.isFinite), base.isFinite else {
            throw MLError(.failed, "the model gave a weight that is not a finite number")
        }
        let sum = words.reduce(0) { $0 + $1.value }
        return Attribution(
            text: text, method: method, parameters: ["background": JSON(background.count), "space": "score"],
            target: question.targetLabel, predictedLabel: question.predictedLabel, probability: question.probability,
            words: words, base: base, delta: sum - (form.score - base),
            remarks: ["values of the score before the link, not of the probability"])
    }
}
