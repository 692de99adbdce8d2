import Base
import Glibc

/// Saliency over noisy copies of the word vectors (Smilkov et al., "SmoothGrad", 2017): the mean, the mean of the squares,
/// or the variance (Adebayo et al. 2018). As captum 0.9's `NoiseTunnel` over `Saliency`, summed over the embedding.
public struct SmoothGrad: Explainer {
    /// What is made of the sizes of the gradients.
    public enum Kind: String, CaseIterable, Sendable {
        case smoothgrad
        case smoothgradSquared = "smoothgrad-sq"
        case vargrad
    }

    public var kind: Kind
    /// Noisy copies.
    public var samples: Int
    /// Standard deviation of the noise as a share of the standard deviation of the vectors' elements.
    public var noise: Double
    public var seed: UInt64
    public var precision: Precision
    /// Doubles the copies until the top words are in a stable order (`RankStability`), up to `mostSamples`.
    public var tolerance: Double?

    public init(
        _ kind: Kind = .smoothgrad, samples: Int = 50, noise: Double = 0.15, seed: UInt64 = 0,
        precision: Precision = .float, tolerance: Double? = nil
    ) {
        self.kind = kind
        self.samples = samples
        self.noise = noise
        self.seed = seed
        self.precision = precision
        self.tolerance = tolerance
    }

    public var method: String { kind.rawValue }

    /// Doubling stops here, whatever the tolerance.
    public static let mostSamples = 6400

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        guard samples >= 2 else { throw MLError(.usage, "'\(method)' needs at least 2 samples, not \(samples)") }
        guard noise > 0, noise.isFinite else { throw MLError(.usage, "the noise of '\(method)' must be positive") }
        try RankStability.check(tolerance, method: method)
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let vectors = opened.model.vectors
        let deviation = noise * SmoothGrad.deviation(vectors)
        let purpose = "\(SmoothGrad.Kind.smoothgrad.rawValue) \(ObjectID.of(text))"
        var sizes = Sums(count: vectors.count)
        var words = RunningMoments(size: opened.model.tokens.count)
        var goal = samples
        var stable = true
        while true {
            while words.count < goal {
                let batch = (0..<min(32, goal - words.count)).map { place in
                    var random = SeededRandom(seed: seed, purpose: purpose, position: UInt64(words.count + place))
                    return vectors.map { $0 + deviation * random.normal() }
                }
                for slope in try opened.slopes(at: batch) {
                    sizes.add(slope.gradient.map(abs))
                    words.add(opened.perToken(slope.gradient.map { kind == .smoothgrad ? abs($0) : $0 * $0 }))
                }
            }
            guard let tolerance, let errors = words.standardErrors else { break }
            stable = RankStability.isStable(
                values: opened.perToken(sizes.values(kind)), standardErrors: errors, tolerance: tolerance)
            if stable || goal * 2 > SmoothGrad.mostSamples { break }
            goal *= 2
        }
        var parameters: JSONObject = [
            "samples": JSON(words.count), "noise": .number(noise), "deviation": .number(deviation),
            "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
            "precision": .string(precision.rawValue),
        ]
        if let tolerance { parameters["tolerance"] = .number(tolerance) }
        return opened.attribution(
            method, parameters: parameters, values: opened.perToken(sizes.values(kind)),
            // The error of a variance needs fourth moments; it is not guessed at.
            errors: kind == .vargrad ? nil : words.standardErrors,
            base: try opened.slopes(at: [opened.baseline])[0].value, delta: nil,
            remarks: ["sizes without a sign", "\(words.count) noisy copies, seed \(seed)"]
                + (stable ? [] : ["the order of the top words is not settled after \(words.count) copies"]))
    }

    /// Sums of gradients' sizes and of their squares.
    package struct Sums {
        private var count = 0.0
        private var first: [Double]
        private var second: [Double]

        package init(count: Int) {
            first = Array(repeating: 0, count: count)
            second = first
        }

        package mutating func add(_ sizes: [Double]) {
            count += 1
            for (index, size) in sizes.enumerated() {
                first[index] += size
                second[index] += size * size
            }
        }

        package func values(_ kind: Kind) -> [Double] {
            switch kind {
            case .smoothgrad: first.map { $0 / count }
            case .smoothgradSquared: second.map { $0 / count }
            case .vargrad:
                zip(first, second).map { sum, squares in max(0, squares / count - (sum / count) * (sum / count)) }
            }
        }
    }

    private static func deviation(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        // Where all are equal, as the counts of a linear model, their size is the scale.
        return variance > 0 ? variance.squareRoot() : abs(mean)
    }
}

extension SeededRandom {
    /// A draw from the standard normal distribution (Box and Muller 1958).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }
}
