import Base

/// Feature ablation: a word's value is how much the probability falls when all its occurrences are hidden. As captum
/// 0.9's `FeatureAblation` with the occurrences as one feature. Words are compared by code points, with their case.
public struct Ablation: Explainer {
    public var masking: Masking

    public init(masking: Masking = .init()) { self.masking = masking }

    public var method: String { "ablation" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let question = try Question(text, predictor: predictor, target: target)
        let masked = MaskedText(text, splitting: masking.splitting, maskToken: masking.maskToken)
        let game = try Game(masked, predictor: predictor, batchSize: masking.batchSize)
        // Keyed by bytes: Swift's strings compare by canonical equivalence.
        var groupOf: [[UInt8]: Int] = [:]
        var groups: [[Int]] = []
        for (index, token) in masked.tokens.enumerated() {
            let spelling = Array(token.text.utf8)
            if let group = groupOf[spelling] {
                groups[group].append(index)
            } else {
                groupOf[spelling] = groups.count
                groups.append([index])
            }
        }
        let values = try game.values(
            [game.nobody, game.everybody] + groups.map { BitSet(count: game.players, $0).complement },
            output: question.target)
        return Attribution(
            text: text, method: method,
            parameters: [
                "split": .string(masking.splitting.rawValue), "mask": .string(masking.maskToken),
                "evaluations": JSON(game.evaluations),
            ],
            target: question.targetLabel, predictedLabel: question.predictedLabel, probability: question.probability,
            words: groups.enumerated().map { index, members in
                .init(
                    index: index, text: masked.tokens[members[0]].text,
                    occurrences: members.map { masked.tokens[$0].range }, value: values[1] - values[index + 2])
            },
            base: values[0])
    }
}
