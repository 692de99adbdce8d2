import Base
import Glibc

/// LIME for texts (Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016), with the constants of the Python
/// package lime 0.2.0.1: a linear model of the probability over which words are present, fitted on variants of the text
/// with random words hidden, the near ones weighing more.
///
/// Words are runs of Python's `\w`; separators always stay. The first sample is the text itself; every other one hides k
/// words drawn without replacement, k uniform in 1...d. With m of d words left, its distance is D = 100·(1 − √(m/d)) and
/// its weight exp(−D²/(2·kernelWidth²)). On the selected words a ridge regression (α = 1, with intercept) gives the values.
///
/// Standard errors are those of the heteroscedasticity-consistent sandwich (White 1980) with the factor n/(n − p − 1):
/// how much a value would vary with other samples, for the words that were selected; the selection itself is taken
/// as given.
public struct LIME: Explainer {
    /// How the words of the final model are chosen.
    public enum Selection: String, CaseIterable, Sendable {
        /// `forward` for at most 6 features, else `highest`.
        case auto
        /// Greedily the word that improves the weighted R² of least squares most.
        case forward
        /// The largest coefficients of ridge regression (α = 0.01) on all words.
        case highest
        /// The words of the last point of the lasso path that has at most `features` of them.
        case lasso
        /// All words, whatever `features` says.
        case none
    }

    public var samples: Int
    public var features: Int
    public var kernelWidth: Double
    public var selection: Selection
    public var seed: UInt64
    public var generator: DrawSource
    /// Repeats of a word are one feature (lime's `bow`).
    public var mergesRepeats: Bool
    /// Texts handed to the predictor at once; bounds the memory, not the result.
    public var batchSize: Int
    /// Doubles the samples until the same words are chosen again and the top ones are in a stable order (`RankStability`),
    /// up to `mostSamples`.
    public var tolerance: Double?

    public init(
        samples: Int = 5000, features: Int = 10, kernelWidth: Double = 25, selection: Selection = .auto,
        seed: UInt64 = 0, generator: DrawSource = .keyed, mergesRepeats: Bool = true, batchSize: Int = 256,
        tolerance: Double? = nil
    ) {
        self.samples = samples
        self.features = features
        self.kernelWidth = kernelWidth
        self.selection = selection
        self.seed = seed
        self.generator = generator
        self.mergesRepeats = mergesRepeats
        self.batchSize = batchSize
        self.tolerance = tolerance
    }

    public var method: String { "lime" }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSamples = 80_000

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        try checkSettings()
        let question = try Question(text, predictor: predictor, target: target)
        let indexed = IndexedText(text, mergesRepeats: mergesRepeats)
        var attribution = Attribution(
            text: text, method: method, parameters: parameters, target: question.targetLabel,
            predictedLabel: question.predictedLabel, probability: question.probability, words: [],
            base: question.probabilities[question.target])
        if indexed.words.isEmpty { return attribution }
        let none = BitSet(count: indexed.words.count)
        // Short texts have few different masks; a game asks for each of them once.
        let game = try Game(indexed, predictor: predictor, batchSize: batchSize)
        attribution.base = try game.values([none], output: question.target)[0]
        var samples = samples
        var (model, stable) = try fit(game, question.target, words: indexed.words.count, text: text, samples: samples)
        while let tolerance, !stable, samples * 2 <= LIME.mostSamples {
            samples *= 2
            let before = Set(model.chosen)
            (model, stable) = try fit(game, question.target, words: indexed.words.count, text: text, samples: samples)
            // Standard errors take the choice of words as given, so it has to repeat itself.
            stable = stable && Set(model.chosen) == before
            attribution.parameters["tolerance"] = .number(tolerance)
        }
        attribution.parameters["samples"] = JSON(samples)
        attribution.words = indexed.words.enumerated().map { index, word in
            .init(index: index, text: word.text, occurrences: word.occurrences, value: 0)
        }
        for (position, index) in model.chosen.enumerated() {
            attribution.words[index].value = model.coefficients[position]
            attribution.words[index].standardError = model.standardErrors?[position]
        }
        attribution.intercept = model.intercept
        attribution.fit = model.fit
        attribution.remarks = ["weighted R² \((model.fit * 100).rounded() / 100)", "seed \(seed)"]
        if tolerance != nil {
            attribution.remarks.append(
                stable
                    ? "\(samples) samples" : "the order of the top words is not settled after \(samples) samples")
        }
        return attribution
    }

    /// The local model over so many samples, and whether the order of its top words is settled.
    private func fit(
        _ game: Game, _ output: Int, words: Int, text: String, samples: Int
    ) throws -> (model: LocalModel, isStable: Bool) {
        let masks = masks(for: words, text: text, samples: samples)
        let model = LocalModel(
            masks: masks, responses: try game.drawnValues(masks, output: output), kernelWidth: kernelWidth,
            selection: selection, features: features)
        guard let tolerance, let errors = model.standardErrors else { return (model, tolerance == nil) }
        return (
            model, RankStability.isStable(values: model.coefficients, standardErrors: errors, tolerance: tolerance)
        )
    }

    private func checkSettings() throws {
        guard samples >= 2 else { throw MLError(.usage, "'lime' needs at least 2 samples, not \(samples)") }
        guard features >= 1 else { throw MLError(.usage, "'lime' needs at least 1 feature, not \(features)") }
        guard kernelWidth > 0, kernelWidth.isFinite else {
            throw MLError(.usage, "the kernel width of 'lime' must be positive")
        }
        try generator.check(seed: seed)
        try RankStability.check(tolerance, method: method)
    }

    private var parameters: JSONObject {
        [
            "samples": JSON(samples), "features": JSON(features), "kernel_width": .number(kernelWidth),
            "selection": .string(selection.rawValue), "rng": .string(generator.rawValue),
            "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)), "bow": .bool(mergesRepeats),
        ]
    }

    /// Which words each sample keeps: all first, then `samples` − 1 random ones.
    func masks(for count: Int, text: String, samples: Int) -> [BitSet] {
        var out = [BitSet(count: count, all: true)]
        out.reserveCapacity(samples)
        switch generator {
        case .legacyNumPy:
            var random = LegacyNumPyRandom(seed: UInt32(truncatingIfNeeded: seed))
            // lime draws all sizes before the first subset.
            let sizes = (1..<samples).map { _ in random.integer(from: 1, span: count) }
            for size in sizes {
                var mask = out[0]
                for index in random.permutation(count)[..<size] { mask[index] = false }
                out.append(mask)
            }
        case .keyed:
            var ofText = SeededRandom(seed: seed, purpose: "lime " + ObjectID.of(text).description)
            let own = ofText.next()
            var order = (0..<count).map { Int32($0) }
            var places = order
            for row in 1..<samples {
                var random = SeededRandom(seed: own, purpose: "lime", position: UInt64(row))
                let size = 1 + random.below(count)
                // The fewer are drawn, those that go or those that stay: both are uniform.
                let goes = size <= count - size
                let draws = goes ? size : count - size
                var mask = BitSet(count: count, all: goes)
                order.withUnsafeMutableBufferPointer { order in
                    for index in 0..<draws {
                        let place = index + random.below(count - index)
                        places[index] = Int32(place)
                        let drawn = order[place]
                        order[place] = order[index]
                        order[index] = drawn
                        mask[Int(drawn)] = !goes
                    }
                    // Back to the beginning without another array.
                    for index in (0..<draws).reversed() { order.swapAt(index, Int(places[index])) }
                }
                out.append(mask)
            }
        }
        return out
    }
}
