import Base
import Ensembles
import Explainers
import Testing
import TextModels

/// What is linear in the model must add up over an ensemble's members.
@Suite struct EnsembleExplanationTests {
    let members: [TextModel]
    let weights = [0.3, 0.7]
    let text = "The film is not good, but wonderful! The end"

    init() throws {
        members = CaptumFixtureTests.cases.filter { ["cnn", "bilstm-max"].contains($0.name) }.map(\.model)
    }

    @Test(arguments: [
        "ig", "input-x-gradient", "deeplift", "gradient-shap", "partition", "exact", "permutation", "occlusion",
        "ablation",
    ]) func `the values are the weighted sum of the members'`(name: String) throws {
        let ensemble = try EnsemblePredictor(members, weights: weights)
        let method = try ExplainerRegistry.explainer(name)
        let joint = try method.explain(text, predictor: ensemble, target: .label("pos"))
        let parts = try members.map { try method.explain(text, predictor: $0, target: .label("pos")) }
        #expect(joint.words.count == parts[0].words.count && !joint.words.isEmpty)
        for (index, word) in joint.words.enumerated() {
            let sum = zip(parts, weights).reduce(0) { $0 + $1.1 * $1.0.words[index].value }
            #expect(abs(word.value - sum) < 1e-6, "\(word.text): \(word.value), \(sum)")
        }
        let probability = try ensemble.predict([text])[0][1]
        if let delta = joint.delta { #expect(abs(joint.sum - (probability - joint.base) - delta) < 1e-6) }
    }

    @Test func `sizes of gradients do not add up, and say so`() throws {
        let ensemble = try EnsemblePredictor(members, weights: weights)
        for name in ["saliency", "smoothgrad", "attention", "conductance", "neuron"] {
            let method = try ExplainerRegistry.explainer(name)
            let error = failure { _ = try method.explain(text, predictor: ensemble, target: .predicted) }
            #expect(error?.code == .invalidInput && error?.message.contains(name) == true)
        }
    }

    @Test func `lime adds samples until its words stay`() throws {
        let plain = try LIME(samples: 40, features: 4).explain(text, predictor: members[1])
        let settled = try LIME(samples: 40, features: 4, tolerance: 1e-3).explain(text, predictor: members[1])
        #expect(plain.parameters["samples"] == 40)
        #expect(try #require(settled.parameters["samples"]?.intValue) > 40)
        let other = try LIME(samples: 40, features: 4, seed: 9, tolerance: 1e-3).explain(text, predictor: members[1])
        func order(_ attribution: Attribution) -> [String] {
            attribution.words.filter { $0.value != 0 }.sorted { abs($0.value) > abs($1.value) }.prefix(3).map(\.text)
        }
        #expect(order(settled) == order(other))
    }
}

@Suite struct WordSwapTests {
    @Test func `whole words change sides and keep their capitals`() throws {
        let swap = try WordSwap.parse("he=she")[0]
        let versions = try #require(swap.versions(of: "He said SHE left; the hero (he) stays."))
        #expect(versions.first == "He said SHE left; the hero (he) stays.")
        #expect(versions.second == "She said HE left; the hero (she) stays.")
        #expect(try #require(swap.versions(of: "she")).first == "he" && swap.versions(of: "hers") == nil)
        #expect(failure { _ = try WordSwap.parse("he") }?.code == .usage)
        #expect(failure { _ = try WordSwap.parse("he=He") }?.code == .usage)
        #expect(try WordSwap.parse("a=b, c = d").count == 2)
    }

    @Test func `differences pair words by their place`() throws {
        let cases = CaptumFixtureTests.cases
        let (a, b) = (cases[0], cases[2])
        let method = PartitionShapley()
        let before = try method.explain(a.text, predictor: a.model, target: .label("pos"))
        let after = try method.explain(a.text, predictor: b.model, target: .label("pos"))
        let difference = try AttributionDifference(before, after)
        #expect(difference.words.count == before.words.count)
        #expect(abs(difference.sum - (after.sum - before.sum)) < 1e-12)
        #expect(difference.largest.first!.change.magnitude == difference.words.map { abs($0.change) }.max())
        let other = try method.explain(a.text, predictor: b.model, target: .label("neg"))
        #expect(failure { _ = try AttributionDifference(before, other) }?.code == .invalidInput)
    }
}

@Suite struct LinearGradientTests {
    @Test(arguments: [2, 3]) func `gradient methods of a linear model are its closed forms`(labels: Int) throws {
        let model = try MaskScorerTests.model(["layer": "ngrams", "n": 2, "min_count": 1], labels: labels)
        let text = "The film is not good, but wonderful!"
        for target in model.labels {
            let ig = try IntegratedGradients(steps: 200, precision: .double)
                .explain(text, predictor: model, target: .label(target))
            let lift = try DeepLIFT().explain(text, predictor: model, target: .label(target))
            #expect(abs(ig.delta!) < 1e-9 && abs(lift.delta!) < 1e-9)
            let gradient = try InputXGradient().explain(text, predictor: model, target: .label(target))
            let opened = try model.differentiable(
                text, target: model.labels.firstIndex(of: target)!, precision: .double)
            // The gradient against differences of the function itself.
            let slope = try opened.slopes(at: [opened.vectors], through: nil)[0]
            for place in opened.vectors.indices {
                var (up, down) = (opened.vectors, opened.vectors)
                up[place] += 1e-5
                down[place] -= 1e-5
                let ends = try opened.slopes(at: [up, down], through: nil)
                #expect(abs((ends[0].value - ends[1].value) / 2e-5 - slope.gradient[place]) < 1e-9)
            }
            #expect(abs(gradient.sum - slope.gradient.reduce(0, +)) < 1e-9)
            // Of two classes all three are the margin's weights, scaled.
            if labels == 2 {
                for (a, b) in zip(ig.words, lift.words) { #expect(abs(a.value - b.value) < 1e-9) }
            }
        }
    }
}
