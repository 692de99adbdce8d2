import Base
import Explainers
import Glibc
import Testing

/// Two classes; the probability of "yes" is a function of the text.
struct FunctionModel: Predictor {
    var labels = ["no", "yes"]
    let value: @Sendable (String) -> Double

    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let yes = value(text)
            return [1 - yes, yes]
        }
    }
}

/// Counts texts and the largest batch.
final class Counting: Predictor, @unchecked Sendable {
    let labels = ["no", "yes"]
    private(set) var texts = 0
    private(set) var largest = 0

    func predict(_ texts: [String]) throws -> [[Double]] {
        self.texts += texts.count
        largest = max(largest, texts.count)
        return texts.map { $0.utf8.count % 7 == 0 ? [0.2, 0.8] : [0.6, 0.4] }
    }
}

@Suite struct LIMETests {
    /// 0.2 + 0.3·[a] − 0.1·[b] + 0.2·[a and c] by presence of words.
    private let model = FunctionModel { text in
        let words = Set(text.split { !$0.isLetter })
        return 0.2 + (words.contains("a") ? 0.3 : 0) - (words.contains("b") ? 0.1 : 0)
            + (words.isSuperset(of: ["a", "c"]) ? 0.2 : 0)
    }

    @Test func `the same seed gives the same bytes, another seed or text other samples`() throws {
        let a = try LIME(samples: 400, seed: 9).explain("a b c d", predictor: model)
        let b = try LIME(samples: 400, seed: 9, batchSize: 7).explain("a b c d", predictor: model)
        #expect(a.json().compact() == b.json().compact())
        let c = try LIME(samples: 400, seed: 10).explain("a b c d", predictor: model)
        #expect(a.words != c.words)
    }

    @Test func `the target is the predicted class unless a label is named`() throws {
        let method = LIME(samples: 300)
        let predicted = try method.explain("a b c", predictor: model)
        #expect(predicted.target == "yes" && predicted.predictedLabel == "yes")
        #expect(abs(predicted.probability - 0.6) < 1e-12 && abs(predicted.base - 0.2) < 1e-12)
        let other = try method.explain("a b c", predictor: model, target: .label("no"))
        #expect(other.target == "no" && other.predictedLabel == "yes")
        for (x, y) in zip(predicted.words, other.words) { #expect(abs(x.value + y.value) < 1e-12) }
        let error = #expect(throws: MLError.self) {
            try method.explain("a", predictor: model, target: .label("yess"))
        }
        #expect(error?.code == .notFound && error?.hints.first == "did you mean 'yes'?")
    }

    @Test func `texts without words have an attribution without words, and one word works`() throws {
        for text in ["", " \n—…!", "\u{301}"] {
            let result = try LIME().explain(text, predictor: model)
            #expect(result.words.isEmpty && result.sum == 0 && result.score == 0 && result.base == 0.8)
        }
        let one = try LIME(samples: 2).explain("a", predictor: model, target: .label("yes"))
        #expect(one.words.count == 1 && one.words[0].value > 0 && one.score == 1)
        #expect(one.words[0].standardError == nil)
    }

    @Test func `equal masks are asked once and batches stay small`() throws {
        let few = Counting()
        _ = try LIME(samples: 5000).explain("a b c d", predictor: few)
        #expect(few.texts == 17)
        let many = Counting()
        let text = (0..<40).map { "w\($0)" }.joined(separator: " ")
        _ = try LIME(samples: 3000).explain(text, predictor: many)
        #expect(many.largest == 256 && many.texts > 2000 && many.texts <= 3002)
    }

    @Test func `values add up over a weighted average of models`() throws {
        let other = FunctionModel { Double($0.utf8.count % 11) / 11 }
        let (first, second) = (model, other)
        let average = FunctionModel { 0.3 * first.value($0) + 0.7 * second.value($0) }
        let method = LIME(samples: 500, selection: .none, seed: 4)
        let results = try [first, second, average].map {
            try method.explain("a, b: c d e f", predictor: $0, target: .label("yes")).words.map(\.value)
        }
        for index in results[0].indices {
            #expect(abs(0.3 * results[0][index] + 0.7 * results[1][index] - results[2][index]) < 1e-12)
        }
    }

    @Test func `standard errors say how much values vary over seeds`() throws {
        let runs = try (0..<120).map { seed in
            try LIME(samples: 600, selection: .none, seed: UInt64(seed))
                .explain("a b c d e f", predictor: model, target: .label("yes"))
        }
        for index in 0..<6 {
            let values = runs.map { $0.words[index].value }
            let mean = values.reduce(0, +) / 120
            let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 119).squareRoot()
            let stated = runs.reduce(0) { $0 + ($1.words[index].standardError ?? .nan) } / 120
            // The deviation of 120 runs is itself known to ±6.5 %; three of those and some room.
            #expect(stated / deviation > 0.75 && stated / deviation < 1.33, "\(index): \(stated) \(deviation)")
        }
    }

    @Test func `json has the documented shape`() throws {
        let constant = FunctionModel { _ in 0.75 }
        let result = try LIME(samples: 10, seed: 3).explain("é a", predictor: constant)
        let expected =
            #"{"text": "é a", "model": "m", "target": "yes", "predicted": {"label": "yes", "probability": 0.75}, "#
            + #""method": "lime", "parameters": {"samples": 10, "features": 10, "kernel_width": 25.0, "#
            + #""selection": "auto", "rng": "default", "seed": 3, "bow": true}, "words": [{"index": 0, "text": "é", "#
            + #""start": 0, "end": 2, "value": 0.0, "stderr": 0.0}, {"index": 1, "text": "a", "start": 3, "end": 4, "#
            + #""value": 0.0, "stderr": 0.0}], "sum": 0.0, "base": 0.75, "intercept": 0.75, "delta": null}"#
        #expect(result.json(model: "m").compact() == expected)
        #expect(result.fit == 1)
    }

    @Test func `broken models and settings are errors`() {
        let short = FunctionModel(labels: ["a", "b", "c"]) { _ in 0.5 }
        #expect(throws: MLError.self) { try LIME().explain("a", predictor: short) }
        let undefined = FunctionModel { _ in .nan }
        #expect(throws: MLError.self) { try LIME().explain("a", predictor: undefined) }
        for method in [
            LIME(samples: 1), LIME(features: 0), LIME(kernelWidth: 0), LIME(batchSize: 0),
            LIME(seed: 1 << 32, generator: .legacyNumPy),
        ] {
            #expect(throws: MLError.self) { try method.explain("a", predictor: model) }
        }
    }

    @Test func `ten thousand different words are no limit`() throws {
        let text = (0..<10_000).map { "w\($0)" }.joined(separator: " ")
        let model = FunctionModel { $0.contains("w77 ") ? 0.9 : 0.3 }
        for selection in [LIME.Selection.highest, .forward, .lasso] {
            let result = try LIME(samples: 200, features: 3, selection: selection).explain(text, predictor: model)
            #expect(result.words.max { $0.value < $1.value }?.text == "w77", "\(selection)")
        }
    }

    @Test func `the registry knows its methods and suggests the nearest`() throws {
        #expect(ExplainerRegistry.entries.map(\.name).prefix(2) == ["lime", "ig"])
        let options = ExplainerOptions(samples: 12, seed: 5, generator: .legacyNumPy, features: 3, selection: .forward)
        let method = try #require(try ExplainerRegistry.explainer("lime", options: options) as? LIME)
        #expect(method.samples == 12 && method.seed == 5 && method.features == 3)
        #expect(method.generator == .legacyNumPy && method.selection == .forward)
        let error = #expect(throws: MLError.self) { try ExplainerRegistry.explainer("lme") }
        #expect(error?.code == .usage && error?.hints.first == "did you mean 'lime'?")
        #expect(try ExplainerRegistry.selection("highest") == .highest)
        #expect(try ExplainerRegistry.generator("numpy-legacy") == .legacyNumPy)
        #expect(throws: MLError.self) { try ExplainerRegistry.selection("x") }
    }
}
