import Base
import Explainers
import Glibc
import Testing

/// The black box of `Fixtures/make-lime-fixtures.py`: a logistic function of words and neighbouring pairs.
private struct WordWeights: Predictor {
    let labels = ["neg", "pos"]
    let weights: [String: Double]
    let pairs: [[String]: Double]

    init(_ fixture: JSON) {
        weights = Dictionary(
            uniqueKeysWithValues: fixture["weights"]?.objectValue?.pairs.map { ($0.key, $0.value.doubleValue ?? 0) }
                ?? [])
        pairs = Dictionary(
            uniqueKeysWithValues: fixture["pairs"]?.arrayValue?.map { entry in
                let parts = entry.arrayValue ?? []
                return ([parts[0].stringValue ?? "", parts[1].stringValue ?? ""], parts[2].doubleValue ?? 0)
            } ?? [])
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let scalars = Array(text.unicodeScalars)
            let words = scalars.split { !IndexedText.isWordCharacter($0) }.map { part -> String in
                var view = String.UnicodeScalarView()
                view.append(contentsOf: part)
                return String(view)
            }
            var logit = 0.1
            for word in words { logit += weights[word] ?? 0 }
            for pair in zip(words, words.dropFirst()) { logit += pairs[[pair.0, pair.1]] ?? 0 }
            let positive = 1 / (1 + exp(-logit))
            return [1 - positive, positive]
        }
    }
}

/// f(x) = a sum of squares of word lengths: the integral is known exactly.
private struct Squares: GradientPredictor {
    let labels = ["no", "yes"]

    private func sizes(_ text: String) -> [Double] { text.split(separator: " ").map { Double($0.count) } }

    private func value(_ sizes: [Double]) -> Double { sizes.reduce(0) { $0 + $1 * $1 } / 1000 }

    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let p = value(sizes(text))
            return [1 - p, p]
        }
    }

    func tokens(of text: String) throws -> [TextToken] {
        var start = 0
        return text.split(separator: " ").map { word in
            defer { start += word.utf8.count + 1 }
            return TextToken(text: String(word), range: start..<start + word.utf8.count)
        }
    }

    func integratedGradients(
        of text: String, target: Int, nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        let sizes = sizes(text)
        let sign = target == 1 ? 1.0 : -1
        let attributions = sizes.map { size in
            nodes.reduce(0) { $0 + $1.weight * sign * 2 * $1.position * size * size / 1000 }
        }
        let p = value(sizes)
        return (attributions, target == 1 ? p : 1 - p, target == 1 ? 0 : 1)
    }
}

@Suite struct ExplainersTests {
    static let fixture = Result {
        try JSON(parsing: Files.read(Files.parent(of: #filePath) + "/Fixtures/lime.json"))
    }

    @Test func `LIME gives the numbers of Python's lime for the same seed`() throws {
        let fixture = try ExplainersTests.fixture.get()
        let model = WordWeights(fixture)
        for item in fixture["items"]?.arrayValue ?? [] {
            let text = try #require(item["text"]?.stringValue)
            let label = try #require(item["label"]?.intValue)
            var lime = LIME()
            lime.samples = try #require(item["samples"]?.intValue)
            lime.features = try #require(item["features"]?.intValue)
            lime.seed = UInt64(try #require(item["seed"]?.intValue))
            lime.generator = .legacyNumPy
            lime.mergesRepeats = item["bow"]?.boolValue == true
            let attribution = try lime.explain(text, predictor: model, target: .label(model.labels[label]))
            let expected =
                item["weights"]?.arrayValue?.map {
                    ($0.arrayValue?[0].intValue ?? -1, $0.arrayValue?[1].doubleValue ?? 0)
                } ?? []
            let values = Dictionary(uniqueKeysWithValues: attribution.words.map { ($0.index, $0.value) })
            for (word, value) in expected { #expect(abs((values[word] ?? 9) - value) < 1e-9, "\(text): word \(word)") }
            #expect(attribution.words.filter { $0.value != 0 }.count <= expected.count)
            #expect(abs((attribution.intercept ?? 9) - (item["intercept"]?.doubleValue ?? 0)) < 1e-9)
            #expect(abs((attribution.fit ?? 9) - (item["score"]?.doubleValue ?? 0)) < 1e-9)
        }
    }

    @Test func `LIME is the same for the same seed, whatever the batch, and another for another`() throws {
        let model = WordWeights(try ExplainersTests.fixture.get())
        let text = "The film was not good, but the ending was great"
        func values(_ seed: UInt64, _ batch: Int) throws -> [Double] {
            var lime = LIME()
            (lime.samples, lime.seed, lime.batchSize) = (500, seed, batch)
            return try lime.explain(text, predictor: model, target: .predicted).words.map(\.value)
        }
        #expect(try values(1, 256) == values(1, 7))
        #expect(try values(1, 256) != values(2, 256))
    }

    @Test(arguments: ["", "...", "fantastic", "数据 e\u{301}té 🎉 شكرا"]) func `odd texts have an explanation`(
        text: String
    ) throws {
        let model = WordWeights(try ExplainersTests.fixture.get())
        let attribution = try LIME().explain(text, predictor: model, target: .predicted)
        for word in attribution.words {
            #expect(word.value.isFinite)
            #expect(String(decoding: Array(text.utf8)[word.start..<word.end], as: UTF8.self) == word.text)
        }
        #expect(attribution.score.isFinite)
    }

    @Test func `Gauss-Legendre nodes integrate polynomials exactly`() {
        for count in [1, 2, 5, 50] {
            let nodes = GaussLegendre.nodes(count)
            for degree in 0..<min(2 * count, 20) {
                let integral = nodes.reduce(0) { $0 + $1.weight * pow($1.position, Double(degree)) }
                #expect(abs(integral - 1 / Double(degree + 1)) < 1e-12)
            }
        }
    }

    @Test func `integrated gradients obey the sum rule exactly where the integral is known`() throws {
        let attribution = try IntegratedGradients().explain(
            "a fantastic film", predictor: Squares(), target: .label("yes"))
        #expect(abs(attribution.delta ?? 1) < 1e-12)
        #expect(abs(attribution.words[1].value - 81.0 / 1000) < 1e-12)
        #expect(throws: MLError.self) {
            try IntegratedGradients().explain("x", predictor: WordWeights(.object([:])), target: .predicted)
        }
    }

    @Test func `unknown names are refused with the nearest`() {
        #expect(throws: MLError.self) { try ExplainerRegistry.explainer("lme") }
        #expect(throws: MLError.self) {
            try LIME().explain("x", predictor: WordWeights(.object([:])), target: .label("positive"))
        }
    }
}
