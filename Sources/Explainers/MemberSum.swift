import Base

/// A gradient method that also takes ensembles: gradients of a weighted mean are the weighted mean of gradients, so the
/// values of the members, each asked about the same class, are added with their weights, place by place.
public struct MemberSum: Explainer {
    private let single: any Explainer
    private let isLinear: Bool

    /// - Parameter isLinear: false for methods, such as sizes of gradients, of which this is not true.
    public init(_ single: any Explainer, isLinear: Bool) {
        self.single = single
        self.isLinear = isLinear
    }

    public var method: String { single.method }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        guard let ensemble = predictor as? any CompositePredictor else {
            return try single.explain(text, predictor: predictor, target: target)
        }
        guard isLinear else {
            throw MLError(
                .invalidInput, "'\(method)' of an ensemble is not the sum of its members'",
                hint: "explain a member, or use 'ig', 'input-x-gradient', 'deeplift', 'gradient-shap' or 'partition'")
        }
        let question = try Question(text, predictor: ensemble, target: target)
        let parts = try ensemble.weightedMembers.filter { $0.weight > 0 }.map { member in
            (
                try explain(text, predictor: member.predictor, target: .label(question.targetLabel)), member.weight
            )
        }
        // Keyed by place: members may cut the text differently.
        var words: [Int: Attribution.Word] = [:]
        for (part, weight) in parts {
            for word in part.words {
                let share = weight * word.value
                let square = word.standardError.map { weight * weight * $0 * $0 }
                if var known = words[word.start] {
                    known.value += share
                    // Members draw the same points, so their errors add up at worst.
                    known.standardError = square.map { (known.standardError ?? 0) + $0.squareRoot() }
                    words[word.start] = known
                } else {
                    var first = word
                    first.value = share
                    first.standardError = square.map { $0.squareRoot() }
                    words[word.start] = first
                }
            }
        }
        var parameters = parts.first?.0.parameters ?? [:]
        parameters["members"] = JSON(parts.count)
        let deltas = parts.compactMap { part, weight in part.delta.map { $0 * weight } }
        return Attribution(
            text: text, method: method, parameters: parameters, target: question.targetLabel,
            predictedLabel: question.predictedLabel, probability: question.probability,
            words: words.values.sorted { $0.start < $1.start }.enumerated().map { index, word in
                var word = word
                word.index = index
                return word
            },
            base: parts.reduce(0) { $0 + $1.1 * $1.0.base },
            delta: deltas.count == parts.count ? deltas.reduce(0, +) : nil,
            remarks: (parts.first?.0.remarks ?? []) + ["weighted sum of \(parts.count) members"])
    }
}
