import Base

/// GradientSHAP (Lundberg and Lee 2017, as expected gradients of Erion et al. 2021): the mean of input times gradient at
/// uniformly drawn points between the zero vectors and the text. As captum 0.9's `GradientShap` with one baseline and
/// `stdevs` 0. Integrated gradients by Monte Carlo, and so with a standard error.
public struct GradientShapley: Explainer {
    public var samples: Int
    public var seed: UInt64
    public var precision: Precision
    /// Doubles the samples until the top words are in a stable order (`RankStability`), up to `mostSamples`.
    public var tolerance: Double?

    public init(samples: Int = 50, seed: UInt64 = 0, precision: Precision = .float, tolerance: Double? = nil) {
        self.samples = samples
        self.seed = seed
        self.precision = precision
        self.tolerance = tolerance
    }

    public var method: String { "gradient-shap" }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSamples = 6400

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        guard samples >= 2 else { throw MLError(.usage, "'\(method)' needs at least 2 samples, not \(samples)") }
        try RankStability.check(tolerance, method: method)
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let vectors = opened.model.vectors
        var words = RunningMoments(size: opened.model.tokens.count)
        var goal = samples
        var stable = true
        while true {
            while words.count < goal {
                let batch = (0..<min(32, goal - words.count)).map { place in
                    let position = position(UInt64(words.count + place), text: text)
                    return vectors.map { position * $0 }
                }
                for slope in try opened.slopes(at: batch) {
                    words.add(opened.perToken(zip(slope.gradient, vectors).map { $0 * $1 }))
                }
            }
            guard let tolerance, let errors = words.standardErrors else { break }
            stable = RankStability.isStable(values: words.mean, standardErrors: errors, tolerance: tolerance)
            if stable || goal * 2 > GradientShapley.mostSamples { break }
            goal *= 2
        }
        var parameters: JSONObject = [
            "samples": JSON(words.count), "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
            "baseline": "zero", "precision": .string(precision.rawValue),
        ]
        if let tolerance { parameters["tolerance"] = .number(tolerance) }
        let ends = try opened.slopes(at: [vectors, opened.baseline])
        return opened.attribution(
            method, parameters: parameters, values: words.mean, errors: words.standardErrors, base: ends[1].value,
            delta: words.mean.reduce(0, +) - (ends[0].value - ends[1].value),
            remarks: ["\(words.count) points, seed \(seed)"]
                + (stable ? [] : ["the order of the top words is not settled after \(words.count) points"]))
    }

    /// Where between baseline (0) and text (1) a sample lies.
    package func position(_ sample: UInt64, text: String) -> Double {
        var random = SeededRandom(seed: seed, purpose: "gradient-shap \(ObjectID.of(text))", position: sample)
        return random.uniform()
    }
}
