import Base

/// How a text becomes players, and how they are asked for.
public struct Masking: Hashable, Sendable {
    /// What separates tokens.
    public var splitting: MaskedText.Splitting
    /// What stands for hidden tokens; "" removes them.
    public var maskToken: String
    /// Variants scored at once; bounds the memory, not the result.
    public var batchSize: Int

    public init(
        splitting: MaskedText.Splitting = .words, maskToken: String = MaskedText.defaultMaskToken, batchSize: Int = 256
    ) {
        self.splitting = splitting
        self.maskToken = maskToken
        self.batchSize = batchSize
    }
}

/// A method that needs to know only what each coalition of players is worth.
public protocol GameExplainer: Explainer {
    var masking: Masking { get set }
    /// The method's settings, after defaults, without those of `masking`.
    var settings: JSONObject { get }
    /// True when the values promise to add up to the worth of everybody less that of nobody.
    var isEfficient: Bool { get }

    /// Shares of the players in one output of the game (two or more players).
    ///
    /// - Parameter key: what keeps the random draws of one text apart from those of others.
    func solve(_ game: Game, output: Int, key: String) throws -> GameValues
}

extension GameExplainer {
    public var isEfficient: Bool { true }

    /// As `solve`, for any number of players.
    public func values(of game: Game, output: Int = 0, key: String = "") throws -> GameValues {
        if game.players > 1 { return try solve(game, output: output, key: key) }
        let ends = try game.values([game.nobody, game.everybody], output: output)
        return GameValues(
            values: game.players == 0 ? [] : [ends[1] - ends[0]], base: ends[0], full: ends[1])
    }

    /// - Throws: besides what models throw, `invalidInput` for a text that is too long for the method, `usage` for wrong
    ///   settings.
    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let question = try Question(text, predictor: predictor, target: target)
        let masked = MaskedText(text, splitting: masking.splitting, maskToken: masking.maskToken)
        let game = try Game(masked, predictor: predictor, tree: masked.tree, batchSize: masking.batchSize)
        let result = try values(of: game, output: question.target, key: ObjectID.of(text).description)
        var parameters = settings
        for (key, value) in result.parameters.pairs { parameters[key] = value }
        parameters["split"] = .string(masking.splitting.rawValue)
        parameters["mask"] = .string(masking.maskToken)
        parameters["evaluations"] = JSON(game.evaluations)
        // Against the text as it is, not against its tokens put together: what the masking itself changes must show.
        let actual = question.probabilities[question.target]
        var remarks = result.remarks
        if abs(actual - result.full) > 1e-9 {
            remarks.append("the text's tokens put together get \(Rounded(result.full)), the text \(Rounded(actual))")
        }
        return Attribution(
            text: text, method: method, parameters: parameters, target: question.targetLabel,
            predictedLabel: question.predictedLabel, probability: question.probability,
            words: masked.tokens.enumerated().map { index, token in
                .init(
                    index: index, text: token.text, occurrences: [token.range], value: result.values[index],
                    standardError: result.standardErrors?[index])
            },
            base: result.base,
            delta: isEfficient ? result.values.reduce(0, +) - (actual - result.base) : nil, remarks: remarks)
    }

    /// A seed as JSON, whatever its size.
    func json(seed: UInt64) -> JSON { Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)) }
}

/// A number with four digits behind the point, for remarks.
struct Rounded: CustomStringConvertible {
    let value: Double
    init(_ value: Double) { self.value = value }
    var description: String { "\((value * 10000).rounded() / 10000)" }
}
