import Base
import Explainers
import Glibc
import Testing

/// σ(Σ w) over the words with the path scaling all words: the closed form of integrated gradients is known.
private struct ScaledModel: GradientPredictor {
    let labels = ["neg", "pos"]
    var steepness = 1.0
    let weights = ["good": 1.5, "bad": -2.0, "fine": 0.5]

    func tokens(of text: String) throws -> [TextToken] {
        IndexedText(text, mergesRepeats: false).words.map { TextToken(text: $0.text, range: $0.occurrences[0]) }
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        try texts.map { text in
            let z = try terms(text).reduce(0, +)
            return [1 - sigmoid(z), sigmoid(z)]
        }
    }

    func integratedGradients(
        of text: String, target: Int, nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        let terms = try terms(text)
        let z = terms.reduce(0, +)
        let sign = target == 1 ? 1.0 : -1
        let slope = nodes.reduce(0) { sum, node in
            let p = sigmoid(z * node.position)
            return sum + node.weight * p * (1 - p)
        }
        return (terms.map { sign * $0 * slope }, target == 1 ? sigmoid(z) : 1 - sigmoid(z), 0.5)
    }

    private func terms(_ text: String) throws -> [Double] {
        try tokens(of: text).map { steepness * (weights[$0.text] ?? 0) }
    }
    private func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }
}

@Suite struct IntegratedGradientsTests {
    @Test func `nodes integrate polynomials of degree 2n − 1 exactly`() {
        for count in [1, 2, 3, 5, 10, 50] {
            let nodes = GaussLegendre.nodes(count)
            for degree in 0...(2 * count - 1) {
                let sum = nodes.reduce(0) { $0 + $1.weight * pow($1.position, Double(degree)) }
                #expect(abs(sum - 1 / Double(degree + 1)) < 1e-13)
            }
            #expect(zip(nodes, nodes.dropFirst()).allSatisfy { $0.position < $1.position })
        }
        // Abramowitz and Stegun, table 25.4, n = 5, moved to [0, 1].
        let five = GaussLegendre.nodes(5)
        #expect(abs(five[0].position - (1 - 0.906179845938664) / 2) < 1e-15)
        #expect(abs(five[0].weight - 0.236926885056189 / 2) < 1e-14)
        #expect(five[2].position == 0.5)
        #expect(GaussLegendre.nodes(0).isEmpty)
    }

    @Test func `values are the closed form and complete`() throws {
        let result = try IntegratedGradients().explain("good, fine bad good", predictor: ScaledModel())
        // z = 1.5: each word gets its share of σ(z) − ½ in proportion to its weight.
        let gain = 1 / (1 + exp(-1.5)) - 0.5
        let expected = [1.5, 0.5, -2, 1.5].map { $0 / 1.5 * gain }
        for (word, value) in zip(result.words, expected) { #expect(abs(word.value - value) < 1e-14) }
        #expect(abs(try #require(result.delta)) < 1e-14)
        #expect(result.base == 0.5 && result.intercept == nil && result.target == "pos")
        #expect(result.words[3].start == 15 && result.words[3].end == 19)
        let negative = try IntegratedGradients().explain(
            "good, fine bad good", predictor: ScaledModel(), target: .label("neg"))
        for (a, b) in zip(result.words, negative.words) { #expect(a.value == -b.value) }
    }

    @Test func `nodes double until delta is within the tolerance`() throws {
        let steep = ScaledModel(steepness: 400)
        let plain = try IntegratedGradients(steps: 5).explain("good", predictor: steep)
        #expect(abs(try #require(plain.delta)) > 1e-3)
        let result = try IntegratedGradients(steps: 5, tolerance: 1e-8).explain("good", predictor: steep)
        #expect(abs(try #require(result.delta)) <= 1e-8)
        #expect(try #require(result.parameters["steps"]?.intValue) > 5)
        #expect(result.remarks.isEmpty)
        let hopeless = try IntegratedGradients(steps: 1600, tolerance: 1e-300).explain("good", predictor: steep)
        #expect(hopeless.parameters["steps"] == 3200)
        #expect(hopeless.delta == 0 || hopeless.remarks == ["delta above the tolerance after 3200 steps"])
    }

    @Test func `a model without gradients, wrong settings and empty texts`() throws {
        let plain = FunctionModel { _ in 0.5 }
        let error = #expect(throws: MLError.self) { try IntegratedGradients().explain("a", predictor: plain) }
        #expect(error?.code == .invalidInput)
        #expect(throws: MLError.self) { try IntegratedGradients(steps: 0).explain("a", predictor: ScaledModel()) }
        #expect(throws: MLError.self) {
            try IntegratedGradients(tolerance: -1).explain("a", predictor: ScaledModel())
        }
        let empty = try IntegratedGradients().explain("", predictor: ScaledModel())
        #expect(empty.words.isEmpty && empty.score == 0 && empty.delta == 0)
    }

    @Test func `the score is the sum over the L2 norm`() {
        var attribution = Attribution(
            text: "a b", method: "ig", parameters: [:], target: "pos", predictedLabel: "pos", probability: 1, words: [],
            base: 0)
        attribution.words = [3, -4, 0].enumerated().map { index, value in
            .init(index: index, text: "w", occurrences: [0..<1], value: value)
        }
        #expect(attribution.sum == -1 && abs(attribution.score + 0.2) < 1e-15)
        attribution.words[0].value = 3e-200
        attribution.words[1].value = 4e-200
        #expect(abs(attribution.score - 1.4) < 1e-12)
    }
}
