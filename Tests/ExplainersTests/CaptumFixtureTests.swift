import Base
import Explainers
import Testing
import TextModels

/// What captum 0.9.0 on PyTorch says about the same models (Fixtures/make-captum-fixtures.py).
@Suite struct CaptumFixtureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSON
        let model: TextModel
        var name: String { json["name"]!.stringValue! }
        var text: String { json["text"]!.stringValue! }
        var target: Int { json["target"]!.intValue! }
        var label: ExplanationTarget { .label(model.labels[target]) }
        var testDescription: String { name }

        func numbers(_ key: String) -> [Double]? { json[key]?.arrayValue?.map { $0.doubleValue! } }
        func points(_ key: String) -> [[Double]] {
            json[key]!.arrayValue!.map { $0.arrayValue!.map { $0.doubleValue! } }
        }
        func opened(_ precision: Precision) throws -> any DifferentiableText {
            try model.differentiable(text, target: target, precision: precision)
        }
        func values(_ explainer: any Explainer) throws -> [Double] {
            try explainer.explain(text, predictor: model, target: label).words.map(\.value)
        }
    }

    static let folder = Files.parent(of: #filePath) + "/Fixtures"
    static let cases: [Case] = {
        let json = (try? JSON(parsing: Files.read(folder + "/captum.json"))) ?? .null
        return (json["cases"]?.arrayValue ?? []).compactMap { entry in
            let place = folder + "/captum/" + (entry["name"]?.stringValue ?? "")
            return (try? TextModel { try Files.read(place + "/" + $0) }).map { Case(json: entry, model: $0) }
        }
    }()

    @Test func `the fixtures are there`() { #expect(CaptumFixtureTests.cases.count == 6) }

    private func check(
        _ values: [Double], _ expected: [Double]?, within bound: Double,
        _ location: SourceLocation = #_sourceLocation
    ) {
        guard let expected else { return }
        #expect(values.count == expected.count, sourceLocation: location)
        let difference = zip(values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(difference <= bound, "\(difference)", sourceLocation: location)
    }

    private func perToken(_ model: any DifferentiableText, _ values: [Double]) -> [Double] {
        model.tokensOfRow.indices.map { values[$0 * model.width..<($0 + 1) * model.width].reduce(0, +) }
    }

    /// 1e-9 in double precision, 1e-5 in float.
    static let precisions: [(Precision, Double)] = [(.double, 1e-9), (.float, 1e-5)]

    @Test(arguments: cases) func `the models answer alike`(example: Case) throws {
        check(try example.model.predict([example.text])[0], example.numbers("probabilities"), within: 1e-6)
    }

    @Test(arguments: cases) func `integrated gradients`(example: Case) throws {
        for (precision, bound) in CaptumFixtureTests.precisions {
            for steps in [50, 7] {
                let result = try IntegratedGradients(steps: steps, precision: precision)
                    .explain(example.text, predictor: example.model, target: example.label)
                check(
                    result.words.map(\.value),
                    example.json["ig"]![String(steps)]!.arrayValue!.map { $0.doubleValue! }, within: bound)
                #expect(abs(result.base - example.json["base"]!.doubleValue!) < bound)
            }
        }
    }

    @Test(arguments: cases) func `saliency and input x gradient`(example: Case) throws {
        for (precision, bound) in CaptumFixtureTests.precisions {
            check(
                try example.values(Saliency(precision: precision)), example.numbers("saliency"), within: bound)
            check(
                try example.values(InputXGradient(precision: precision)), example.numbers("input-x-gradient"),
                within: bound)
        }
    }

    @Test(arguments: cases) func `noisy gradients, at captum's points`(example: Case) throws {
        for (precision, bound) in CaptumFixtureTests.precisions {
            let model = try example.opened(precision)
            var sums = SmoothGrad.Sums(count: model.vectors.count)
            for slope in try model.slopes(at: example.points("noisy"), through: nil) {
                sums.add(slope.gradient.map(abs))
            }
            check(perToken(model, sums.values(.smoothgrad)), example.numbers("smoothgrad"), within: bound)
            check(perToken(model, sums.values(.smoothgradSquared)), example.numbers("smoothgrad_sq"), within: bound)
            check(perToken(model, sums.values(.vargrad)), example.numbers("vargrad"), within: bound)
        }
    }

    @Test(arguments: cases) func `gradient shap, at captum's points`(example: Case) throws {
        let model = try example.opened(.double)
        let points = example.points("gradient-shap points")
        var sums = [Double](repeating: 0, count: model.vectors.count)
        for slope in try model.slopes(at: points, through: nil) {
            for place in sums.indices {
                sums[place] += slope.gradient[place] * model.vectors[place] / Double(points.count)
            }
        }
        check(perToken(model, sums), example.numbers("gradient-shap"), within: 1e-9)
    }

    @Test(arguments: cases) func `conductance of layers and neurons`(example: Case) throws {
        for (precision, bound) in CaptumFixtureTests.precisions {
            for layer in ["encode", "attend"] where example.json["conductance \(layer)"] != nil {
                let model = try example.opened(precision)
                let points = GaussLegendre.nodes(21).map { node in model.vectors.map { node.position * $0 } }
                let index = model.layers.firstIndex { $0.name == layer }!
                check(
                    LayerConductance.sum(try model.layerSlopes(index, at: points)),
                    example.numbers("conductance \(layer)"), within: bound)
                check(
                    try example.values(NeuronConductance(layer: layer, unit: 2, steps: 20, precision: precision)),
                    example.numbers("neuron \(layer)"), within: bound)
            }
        }
        let layer = try LayerConductance(tolerance: 1e-3).explain(example.text, predictor: example.model)
        #expect(abs(layer.delta!) <= 1e-3)
    }

    @Test(arguments: cases) func `DeepLIFT follows captum and the sum rule`(example: Case) throws {
        let result = try DeepLIFT().explain(example.text, predictor: example.model, target: example.label)
        check(result.words.map(\.value), example.numbers("deeplift"), within: 1e-9)
        #expect(abs(result.delta!) < 1e-9)
    }

    @Test(arguments: cases) func `attention weights are shown for what they are`(example: Case) throws {
        guard let expected = example.numbers("attention") else {
            let error = #expect(throws: MLError.self) { try example.values(AttentionWeights()) }
            #expect(error?.code == .invalidInput)
            return
        }
        let result = try AttentionWeights().explain(example.text, predictor: example.model)
        check(result.words.map(\.value), expected, within: 1e-6)
        #expect(result.remarks.contains { $0.hasPrefix("attention weights") } && result.delta == nil)
    }

    @Test(arguments: cases) func `random points come nearer to the integral with their number`(example: Case) throws {
        let exact = try example.values(IntegratedGradients(steps: 200))
        let sampled = try GradientShapley(samples: 800, seed: 3).explain(
            example.text, predictor: example.model, target: example.label)
        for (word, value) in zip(sampled.words, exact) {
            #expect(abs(word.value - value) <= 5 * word.standardError! + 1e-6)
        }
    }
}
