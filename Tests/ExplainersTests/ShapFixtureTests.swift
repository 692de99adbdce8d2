import Base
import Explainers
import Testing

/// Attributions of Python's shap 0.51 and captum 0.9 (Fixtures/make-shap-cases.py), repeated here.
struct ShapFixture: Sendable {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSON
        let predictor: BoxPredictor
        func string(_ key: String) -> String? { json[key]?.stringValue }
        func int(_ key: String) -> Int? { json[key]?.intValue }
        func doubles(_ key: String) -> [Double] { json[key]?.arrayValue?.map { $0.doubleValue! } ?? [] }
        var testDescription: String {
            "\(string("method")!) \(string("box")!) seed \(int("seed")!) samples \(int("samples") ?? 0)"
        }
    }

    let json: JSON
    let boxes: [String: BoxPredictor]
    let cases: [Case]

    init(_ json: JSON) {
        self.json = json
        let boxes = Dictionary(uniqueKeysWithValues: json["boxes"]!.objectValue!.pairs.map { ($0, BoxPredictor($1)) })
        self.boxes = boxes
        cases = json["cases"]!.arrayValue!.map { Case(json: $0, predictor: boxes[$0["box"]!.stringValue!]!) }
    }

    static let frozen = ShapFixture(
        (try? JSON(parsing: Files.read(Files.parent(of: #filePath) + "/Fixtures/shap-cases.json"))) ?? .null)

    /// The method of a case with its settings.
    static func method(_ test: Case) throws -> any Explainer {
        let masking = Masking(
            splitting: MaskedText.Splitting(rawValue: test.string("split") ?? "words")!,
            maskToken: test.string("mask") ?? MaskedText.defaultMaskToken)
        let seed = UInt64(test.int("seed")!)
        switch test.string("method")! {
        case "exact": return ExactShapley(masking: masking)
        case "kernel":
            return KernelShapley(samples: test.int("samples"), seed: seed, source: .legacyNumPy, masking: masking)
        case "permutation":
            return PermutationShapley(samples: test.int("samples")!, seed: seed, source: .legacyNumPy, masking: masking)
        case "partition":
            return PartitionShapley(
                samples: test.int("samples")!, context: .init(rawValue: test.string("context") ?? "both")!, seed: seed,
                source: .legacyNumPy, masking: masking)
        case "sampling":
            return SampledShapley(samples: test.int("samples")!, seed: seed, source: .legacyNumPy, masking: masking)
        case "occlusion":
            return Occlusion(window: test.int("window")!, stride: test.int("stride")!, masking: masking)
        case "ablation": return Ablation(masking: masking)
        case let name: throw MLError(.notFound, "no method '\(name)'")
        }
    }

    /// The largest difference between our values and those of a case.
    static func difference(_ test: Case) throws -> Double {
        let text = test.string("text")!
        let result = try method(test).explain(
            text, predictor: test.predictor, target: .label(test.predictor.labels[test.int("label")!]))
        var values = result.words.map(\.value)
        if let groups = test.json["groups"]?.arrayValue { values = groups.map { values[$0.intValue!] } }
        if let tree = test.json["tree"]?.arrayValue {
            let split = MaskedText.Splitting(rawValue: test.string("split") ?? "words")!
            let nodes = MaskedText(text, splitting: split).tree?.nodes.map { [$0.left, $0.right] }
            if nodes != tree.map({ $0.arrayValue!.map { $0.intValue! } }) { return .infinity }
        }
        return max(
            largestDifference(values, test.doubles("values")), abs(result.base - test.json["base"]!.doubleValue!))
    }

    /// captum accumulates permutations and windows in single precision.
    static func bound(_ test: Case) -> Double {
        ["sampling", "occlusion", "ablation"].contains(test.string("method")!) ? 1e-6 : 1e-10
    }

    /// A linear model of word counts, as in `linear()` of the script.
    struct CountModel: LinearPredictor {
        let labels = ["no", "yes"]
        let intercept: Double
        let weights: [String: Double]

        func linearForm(of text: String, target: Int) throws -> LinearForm {
            let sign = target == 1 ? 1.0 : -1
            let features = IndexedText(text).words.map { word in
                LinearForm.Feature(
                    name: word.text, weight: sign * (weights[word.text] ?? 0), value: Double(word.occurrences.count),
                    occurrences: word.occurrences)
            }
            return LinearForm(intercept: sign * intercept, features: features)
        }

        func predict(_ texts: [String]) throws -> [[Double]] {
            try texts.map { text in
                let score = try linearForm(of: text, target: 1).score
                let p = 0.5 + score / (2 * (1 + abs(score)))
                return [1 - p, p]
            }
        }
    }

    /// The largest difference from `shap.LinearExplainer`.
    func linearDifference() throws -> Double {
        let linear = json["linear"]!
        let model = CountModel(
            intercept: linear["intercept"]!.doubleValue!,
            weights: Dictionary(
                uniqueKeysWithValues: linear["weights"]!.objectValue!.pairs.map { ($0, $1.doubleValue!) }))
        let result = try LinearShapley(background: linear["background"]!.arrayValue!.map { $0.stringValue! }).explain(
            linear["text"]!.stringValue!, predictor: model, target: .label("yes"))
        var difference = abs(result.base - linear["base"]!.doubleValue!)
        let ours = Dictionary(uniqueKeysWithValues: result.words.map { ($0.text, $0.value) })
        for (name, value) in linear["values"]!.objectValue!.pairs {
            difference = max(difference, abs((ours[name] ?? 0) - value.doubleValue!))
        }
        return max(difference, abs(result.delta!))
    }

    func checkAgreement() throws {
        for entry in json["agreement"]!.arrayValue! {
            func list(_ key: String) -> [Double] { entry[key]!.arrayValue!.map { $0.doubleValue! } }
            let rho = try #require(try Agreement.spearman(list("a"), list("b")))
            let tau = try #require(try Agreement.kendall(list("a"), list("b")))
            #expect(abs(rho - entry["spearman"]!.doubleValue!) < 1e-12)
            #expect(abs(tau - entry["kendall"]!.doubleValue!) < 1e-12)
        }
    }

    /// The largest difference from captum's infidelity; 0 where captum was not there.
    func infidelityDifference() throws -> Double {
        guard let entry = json["infidelity"], entry != .null else { return 0 }
        let text = entry["text"]!.stringValue!
        let predictor = boxes[entry["box"]!.stringValue!]!
        let values = entry["values"]!.arrayValue!.map { $0.doubleValue! }
        var attribution = Attribution(
            text: text, method: "given", parameters: [:], target: predictor.labels[entry["label"]!.intValue!],
            predictedLabel: "", probability: 0, words: [], base: 0)
        attribution.words = IndexedText(text, mergesRepeats: false).words.enumerated().map {
            .init(index: $0, text: $1.text, occurrences: $1.occurrences, value: values[$0])
        }
        let hidden = entry["masks"]!.arrayValue!.map { row in
            let bits = Array(row.stringValue!.utf8)
            return BitSet(count: bits.count, bits.indices.filter { bits[$0] == UInt8(ascii: "1") })
        }
        let ours = try Evaluate(attribution, predictor: predictor).infidelity(hidden: hidden)
        return max(
            abs(ours.value - entry["infidelity"]!.doubleValue!), abs(ours.scaled - entry["scaled"]!.doubleValue!))
    }

    /// Variants of texts that differ from the package's.
    func wrongVariants() -> [String] {
        var out: [String] = []
        for entry in json["masked"]!.arrayValue! {
            let text = MaskedText(
                entry["text"]!.stringValue!, splitting: .init(rawValue: entry["split"]!.stringValue!)!,
                maskToken: entry["mask"]!.stringValue!)
            for variant in entry["variants"]!.arrayValue! {
                let bits = Array(variant.arrayValue![0].stringValue!.utf8)
                guard bits.count == text.players else {
                    out.append("\(text.text): \(text.players) players")
                    continue
                }
                let mask = BitSet(count: bits.count, bits.indices.filter { bits[$0] == UInt8(ascii: "1") })
                let ours = text.masked(mask)
                if Array(ours.utf8) != Array(variant.arrayValue![1].stringValue!.utf8) { out.append(ours) }
            }
        }
        return out
    }
}

@Suite struct ShapFixtureTests {
    @Test(arguments: ShapFixture.frozen.cases)
    func `values are those of the package with the same seed`(_ test: ShapFixture.Case) throws {
        let difference = try ShapFixture.difference(test)
        #expect(difference < ShapFixture.bound(test))
    }

    @Test func `the fixture is there`() {
        #expect(ShapFixture.frozen.cases.count == 30)
        #expect(ShapFixture.frozen.json["masked"]?.arrayValue?.count == 60)
    }

    @Test func `texts are cut and masked as the package does it`() {
        #expect(ShapFixture.frozen.wrongVariants() == [])
    }

    @Test func `a linear model's values are those of the package`() throws {
        #expect(try ShapFixture.frozen.linearDifference() < 1e-12)
    }

    @Test func `draws NumPy's uniform and normal numbers`() {
        let draws = ShapFixture.frozen.json["draws"]!
        func list(_ key: String) -> [Double] { draws[key]!.arrayValue!.map { $0.doubleValue! } }
        var random = LegacyNumPyRandom(seed: UInt32(draws["seed"]!.intValue!))
        #expect(largestDifference((0..<7).map { _ in random.normal() }, list("normal")) < 1e-15)
        #expect((0..<5).map { _ in random.uniform() } == list("uniform"))
        // The second number of the last pair, kept across other draws.
        #expect(abs(random.normal() - draws["after"]!.doubleValue!) < 1e-15)
    }

    @Test func `rank correlations are scipy's`() throws {
        try ShapFixture.frozen.checkAgreement()
    }

    @Test func `infidelity is captum's for the same coalitions`() throws {
        #expect(try ShapFixture.frozen.infidelityDifference() < 1e-12)
    }
}
