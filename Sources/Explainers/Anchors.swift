import Base
import Glibc

/// Anchors (Ribeiro, Singh and Guestrin, "Anchors: high-precision model-agnostic explanations", AAAI 2018): a set of words
/// that, while they stay, keep the prediction with high probability when every other word is hidden with probability ½.
///
/// A beam search grows rules word by word; in each size, the rules of the highest precision are told apart by KL-LUCB
/// (their algorithm 1 and 2; bounds as in the authors' package `anchor`). The smallest size with a rule whose precision
/// is, with confidence 1 − `delta`, above `threshold` − `margin` (its estimate above `threshold`) ends the search. All
/// rules of a size have the same coverage 2^−size here, so among several the one with the highest precision is taken.
///
/// As an attribution, a word of the rule has the gain in precision at the time it was added; other words have 0; `base`
/// is the precision without a rule.
public struct Anchors: Explainer {
    /// A rule with what is known of it.
    public struct Rule: Hashable, Sendable {
        /// Token numbers in the order they were added.
        public var tokens: [Int]
        /// Share of variants with the same prediction after 0, 1, 2 … tokens; the last is the rule's.
        public var precisions: [Double]
        /// Bounds of the precision at confidence 1 − `delta`.
        public var lower: Double
        public var upper: Double
        /// Variants the last precision was estimated from.
        public var samples: Int
        /// Probability that a random variant has all the words: 2^−size.
        public var coverage: Double
        /// The rule's precision is certified above the threshold (less the margin).
        public var holds: Bool
    }

    /// Precision to reach.
    public var threshold: Double
    /// 1 − confidence of the bounds.
    public var delta: Double
    /// ε of KL-LUCB (their τ): precisions this close need not be told apart.
    public var slack: Double
    /// How far the certified precision may stay below the threshold.
    public var margin: Double
    /// Rules kept in each size.
    public var beam: Int
    /// Variants drawn at once for a rule.
    public var draws: Int
    /// Variants drawn in all before the search gives up and returns the best rule so far.
    public var samples: Int
    public var seed: UInt64
    public var masking: Masking

    public init(
        threshold: Double = 0.95, delta: Double = 0.1, slack: Double = 0.15, margin: Double = 0.05, beam: Int = 1,
        draws: Int = 100,
        samples: Int = 100_000, seed: UInt64 = 0, masking: Masking = .init()
    ) {
        self.threshold = threshold
        self.delta = delta
        self.slack = slack
        self.margin = margin
        self.beam = beam
        self.draws = draws
        self.samples = samples
        self.seed = seed
        self.masking = masking
    }

    public var method: String { "anchors" }

    /// Each word is a rule to be tried by many variants: the samples for more words would take minutes.
    public static let mostPlayers = 1024

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let question = try Question(text, predictor: predictor, target: target)
        guard question.target == question.predicted else {
            throw MLError(
                .usage, "'anchors' explains the predicted label '\(question.predictedLabel)' only",
                hint: "leave the target out")
        }
        let masked = MaskedText(text, splitting: masking.splitting, maskToken: masking.maskToken)
        guard masked.players <= Anchors.mostPlayers else {
            throw MLError(
                .invalidInput, "a text of \(masked.players) words is too long for 'anchors'",
                hint: "it takes up to \(Anchors.mostPlayers) words; 'partition' or 'lime' take more")
        }
        let game = try Game(masked, predictor: predictor, batchSize: masking.batchSize)
        let (rule, drawn) = try search(game, predicted: question.predicted, key: ObjectID.of(text).description)
        var words = masked.tokens.enumerated().map { index, token in
            Attribution.Word(index: index, text: token.text, occurrences: [token.range], value: 0)
        }
        for (step, token) in rule.tokens.enumerated() {
            words[token].value = rule.precisions[step + 1] - rule.precisions[step]
        }
        let names = rule.tokens.sorted().map { masked.tokens[$0].text }.joined(separator: " and ")
        let precision = rule.precisions[rule.precisions.count - 1]
        var remarks = [
            rule.tokens.isEmpty ? "the prediction holds whatever is hidden" : "if \(names)",
            "precision \(Rounded(precision)) (\(Rounded(rule.lower)) to \(Rounded(rule.upper)))",
            "coverage \(Rounded(rule.coverage))", "seed \(seed)",
        ]
        if !rule.holds { remarks.append("no rule reached the precision \(threshold)") }
        return Attribution(
            text: text, method: method,
            parameters: [
                "threshold": .number(threshold), "delta": .number(delta), "slack": .number(slack),
                "margin": .number(margin), "beam": JSON(beam),
                "draws": JSON(draws), "samples": JSON(samples),
                "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
                "split": .string(masking.splitting.rawValue), "mask": .string(masking.maskToken),
                "drawn": JSON(drawn), "evaluations": JSON(game.evaluations),
                "rule": .array(rule.tokens.map { JSON($0) }), "precision": .number(precision),
                "precision_bounds": .array([.number(rule.lower), .number(rule.upper)]),
                "coverage": .number(rule.coverage), "holds": .bool(rule.holds),
            ],
            target: question.targetLabel, predictedLabel: question.predictedLabel, probability: question.probability,
            words: words, base: rule.precisions[0], remarks: remarks)
    }

    /// The rule that keeps the output `predicted` the largest one of the game.
    ///
    /// - Parameter key: keeps the draws of one text apart from those of others.
    /// - Returns: the rule, and how many variants were drawn.
    public func search(_ game: Game, predicted: Int, key: String = "") throws -> (rule: Rule, drawn: Int) {
        try checkSettings()
        var bandit = AnchorBandit(game: game, predicted: predicted, seed: seed, key: key)
        let none = bandit.arm([])
        try settle(none, &bandit, delta: delta)
        var best: Rule?
        if certified(none, bandit, delta: delta) { return (rule(none, bandit, holds: true), bandit.drawn) }
        var kept = [none]
        while bandit.arms[kept[0]].tokens.count < game.players, bandit.drawn < samples {
            let candidates = extensions(of: kept, &bandit, players: game.players)
            kept = try mostPrecise(candidates, &bandit)
            // A bound for each of the rules that this level might have kept (the authors' code).
            let level = delta / Double(1 + (beam - 1) * game.players)
            for arm in kept { try settle(arm, &bandit, delta: level) }
            kept.sort { (bandit.arms[$1].mean, $0) < (bandit.arms[$0].mean, $1) }
            if let arm = kept.first(where: { certified($0, bandit, delta: level) }) {
                return (rule(arm, bandit, holds: true), bandit.drawn)
            }
            let candidate = rule(kept[0], bandit, holds: false)
            if candidate.lower > best?.lower ?? -1 { best = candidate }
        }
        return (best ?? rule(none, bandit, holds: false), bandit.drawn)
    }

    private func checkSettings() throws {
        func part(_ value: Double, _ name: String) throws {
            guard value > 0, value < 1 else {
                throw MLError(.usage, "the \(name) of 'anchors' must lie between 0 and 1, not \(value)")
            }
        }
        try part(threshold, "precision threshold")
        try part(delta, "delta")
        try part(slack, "slack")
        try part(margin, "margin")
        guard beam >= 1 else { throw MLError(.usage, "the beam of 'anchors' must hold at least 1 rule, not \(beam)") }
        guard draws >= 1, samples >= 1 else { throw MLError(.usage, "'anchors' needs at least 1 sample") }
    }

    private func level(_ arm: AnchorBandit.Arm, delta: Double) -> Double { log(1 / delta) / Double(max(1, arm.count)) }

    private func certified(_ arm: Int, _ bandit: AnchorBandit, delta: Double) -> Bool {
        let state = bandit.arms[arm]
        return state.mean >= threshold
            && KLBound.lower(state.mean, level: level(state, delta: delta)) > threshold - margin
    }

    /// Draws until the bounds say on which side of the threshold the rule is, up to the margin.
    private func settle(_ arm: Int, _ bandit: inout AnchorBandit, delta: Double) throws {
        while bandit.drawn < samples {
            let state = bandit.arms[arm]
            if state.count > 0 {
                let bound = level(state, delta: delta)
                let open =
                    state.mean >= threshold
                    ? KLBound.lower(state.mean, level: bound) < threshold - margin
                    : KLBound.upper(state.mean, level: bound) >= threshold + margin
                if !open { return }
            }
            try bandit.draw(arm, draws)
        }
    }

    /// Rules with one token more, each once.
    private func extensions(of kept: [Int], _ bandit: inout AnchorBandit, players: Int) -> [Int] {
        var seen: Set<[Int]> = []
        var out: [Int] = []
        for arm in kept {
            let tokens = bandit.arms[arm].tokens
            for token in 0..<players where !tokens.contains(token) && seen.insert((tokens + [token]).sorted()).inserted
            {
                out.append(
                    bandit.arm(tokens + [token], precisions: bandit.arms[arm].precisions + [bandit.arms[arm].mean]))
            }
        }
        return out
    }

    /// KL-LUCB: the `beam` arms of the highest mean, up to the slack.
    private func mostPrecise(_ arms: [Int], _ bandit: inout AnchorBandit) throws -> [Int] {
        for arm in arms where bandit.arms[arm].count == 0 { try bandit.draw(arm, draws) }
        let count = min(beam, arms.count)
        var round = 1
        while true {
            let order = arms.sorted { (bandit.arms[$1].mean, $0) < (bandit.arms[$0].mean, $1) }
            let (best, rest) = (order[..<count], order[count...])
            let beta = KLBound.beta(arms: arms.count, round: round, delta: delta)
            func bound(_ arm: Int) -> Double { beta / Double(bandit.arms[arm].count) }
            func upper(_ arm: Int) -> Double { KLBound.upper(bandit.arms[arm].mean, level: bound(arm)) }
            func lower(_ arm: Int) -> Double { KLBound.lower(bandit.arms[arm].mean, level: bound(arm)) }
            let challengers = rest.map { (arm: $0, bound: upper($0)) }
            let weakest = best.map { (arm: $0, bound: lower($0)) }.min { $0.bound < $1.bound }
            guard let challenger = challengers.max(by: { $0.bound < $1.bound }), let weakest,
                challenger.bound - weakest.bound > slack, bandit.drawn < samples
            else { return Array(best) }
            try bandit.draw(challenger.arm, draws)
            try bandit.draw(weakest.arm, draws)
            round += 1
        }
    }

    private func rule(_ arm: Int, _ bandit: AnchorBandit, holds: Bool) -> Rule {
        let state = bandit.arms[arm]
        let bound = level(state, delta: delta)
        return Rule(
            tokens: state.tokens, precisions: state.precisions + [state.mean],
            lower: KLBound.lower(state.mean, level: bound), upper: KLBound.upper(state.mean, level: bound),
            samples: state.count, coverage: pow(2, -Double(state.tokens.count)), holds: holds)
    }
}
