import Base

/// Occlusion (Zeiler and Fergus, ECCV 2014) by a window that slides over the tokens: a token's value is the mean, over the
/// windows that cover it, of how much the probability falls when the window is hidden. As captum 0.9's `Occlusion`; the
/// last window ends with the text.
public struct Occlusion: GameExplainer {
    /// Tokens hidden at once.
    public var window: Int
    /// Tokens from one window to the next, at most `window`.
    public var stride: Int
    public var masking: Masking

    public init(window: Int = 3, stride: Int = 1, masking: Masking = .init()) {
        self.window = window
        self.stride = stride
        self.masking = masking
    }

    public var method: String { "occlusion" }
    public var settings: JSONObject { ["window": JSON(window), "stride": JSON(stride)] }
    public var isEfficient: Bool { false }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        guard window >= 1 else { throw MLError(.usage, "the window of 'occlusion' must hold at least 1 word, not \(window)") }
        guard stride >= 1, stride <= window else {
            throw MLError(
                .usage, "the stride of 'occlusion' must be 1 to \(window), not \(stride)",
                hint: "a stride above the window would leave words out")
        }
        let n = game.players
        var windows: [Range<Int>] = []
        var start = 0
        while true {
            windows.append(start..<min(start + window, n))
            if start + window >= n { break }
            start += stride
        }
        let values = try game.values(
            [game.nobody, game.everybody] + windows.map { BitSet(count: n, $0).complement }, output: output)
        var sums = [Double](repeating: 0, count: n)
        var counts = sums
        for (range, value) in zip(windows, values.dropFirst(2)) {
            for player in range {
                sums[player] += values[1] - value
                counts[player] += 1
            }
        }
        return GameValues(values: zip(sums, counts).map { $0 / $1 }, base: values[0], full: values[1])
    }
}

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
