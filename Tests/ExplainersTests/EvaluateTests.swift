import Base
import Explainers
import Testing

@Suite struct EvaluateTests {
    /// p = 0.1 + the values of the words present.
    private let values = ["a": 0.4, "b": -0.05, "c": 0.2, "d": 0.1]
    private var additive: FunctionModel {
        let values = values
        return FunctionModel { text in
            IndexedText(text).words.reduce(0.1) { $0 + (values[$1.text] ?? 0) }
        }
    }

    private func attribution(_ method: any Explainer = ExactShapley()) throws -> Attribution {
        try method.explain("b c d a", predictor: additive, target: .label("yes"))
    }

    @Test func `an additive model's measures are sums`() throws {
        let evaluate = try Evaluate(attribution(), predictor: additive)
        #expect(evaluate.ranking == [3, 1, 2, 0])
        #expect(abs(evaluate.full - 0.75) < 1e-12 && abs(evaluate.base - 0.1) < 1e-12)
        // 1 %, 5 %, 10 % and 20 % of four words are one word, 50 % two.
        #expect(abs(try evaluate.comprehensiveness() - (4 * 0.4 + 0.6) / 5) < 1e-12)
        #expect(abs(try evaluate.sufficiency() - (4 * 0.25 + 0.05) / 5) < 1e-12)
        #expect(abs(try evaluate.comprehensiveness([1]) - 0.65) < 1e-12)
        #expect(abs(try evaluate.sufficiency([1])) < 1e-12)
        let deletion = try evaluate.deletion()
        #expect(largestDifference(deletion.curve.values, [0.75, 0.35, 0.15, 0.05, 0.1]) < 1e-12)
        let area = (0.75 / 2 + 0.35 + 0.15 + 0.05 + 0.1 / 2) / 4
        #expect(abs(deletion.curve.area - area) < 1e-12)
        #expect(abs(try #require(deletion.normalised) - (area - 0.1) / 0.65) < 1e-12)
        let insertion = try evaluate.insertion()
        #expect(largestDifference(insertion.curve.values, [0.1, 0.5, 0.7, 0.8, 0.75]) < 1e-12)
        // The ranking beats random orders at both.
        #expect(try #require(deletion.random) > #require(deletion.normalised))
        #expect(try #require(insertion.random) < #require(insertion.normalised))
        // Random orders are halfway where nothing interacts.
        let many = try evaluate.deletion(randomOrders: 2000)
        #expect(abs(try #require(many.random) - 0.5) < 0.03)
        #expect(try evaluate.deletion(randomOrders: 0).random == nil)
    }

    @Test func `exact values of an additive model have no infidelity`() throws {
        let exact = try Evaluate(attribution(), predictor: additive).infidelity()
        #expect(exact.value < 1e-25 && exact.scaled < 1e-25)
        var doubled = try attribution()
        for index in doubled.words.indices { doubled.words[index].value *= 2 }
        let wrong = try Evaluate(doubled, predictor: additive).infidelity(samples: 4000)
        // E[(Σ I φ)²] = Σφ²/4 + (Σφ)²/4.
        let expected = (0.16 + 0.0025 + 0.04 + 0.01 + 0.65 * 0.65) / 4
        #expect(abs(wrong.value - expected) < 4 * wrong.standardError && wrong.standardError < 0.01)
        #expect(wrong.scaled < 1e-25)
    }

    @Test func `hidden words are taken out or replaced where they stand`() throws {
        var attribution = try attribution(LIME(samples: 50))
        attribution.text = "Ä b, Ä (c)"
        attribution.words = [
            .init(index: 0, text: "Ä", occurrences: [0..<2, 6..<8], value: 1),
            .init(index: 1, text: "b, Ä", occurrences: [3..<8], value: 1),
            .init(index: 2, text: "c", occurrences: [10..<11], value: 1),
        ]
        func masked(_ visible: [Int], _ replacement: String = "") throws -> String {
            try HiddenWords(attribution, replacement: replacement).masked(BitSet(count: 3, visible))
        }
        #expect(try masked([0, 1, 2]) == "Ä b, Ä (c)")
        #expect(try masked([1, 2]) == " b,  (c)")
        #expect(try masked([0, 2]) == "Ä  (c)")
        #expect(try masked([]) == "  ()")
        #expect(try masked([0, 1], "?") == "Ä b, Ä (?)")
        attribution.words[0].occurrences = [5..<99]
        #expect(throws: MLError.self) { try HiddenWords(attribution) }
    }

    @Test func `sensitivity is 0 where nothing interacts and seen where it does`() throws {
        #expect(try Evaluate.maxSensitivity(of: ExactShapley(), "b c d a", predictor: additive) < 1e-12)
        #expect(
            try Evaluate.maxSensitivity(of: Ablation(), "b c é d a", predictor: additive, variants: 99) < 1e-12)
        // Without "not", "bad" turns from helping to hurting.
        let pair = FunctionModel { text in
            let words = Set(IndexedText(text).words.map(\.text))
            return words.contains("bad") ? words.contains("not") ? 0.8 : 0.1 : 0.5
        }
        // φ = (not 0.35, bad −0.05); alone, bad has −0.4 and not 0.
        let result = try Evaluate.maxSensitivity(
            of: ExactShapley(), "not bad", predictor: pair, target: .label("yes"))
        #expect(abs(result - 0.35 / 0.05) < 1e-9)
        #expect(try Evaluate.maxSensitivity(of: ExactShapley(), "bad", predictor: pair) == 0)
    }

    @Test func `agreement of lists and of attributions`() throws {
        #expect(try Agreement.spearman([1, 2, 3], [10, 20, 30]) == 1)
        #expect(try Agreement.kendall([1, 2, 3], [3, 2, 1]) == -1)
        #expect(try Agreement.spearman([1, 1], [1, 2]) == nil)
        #expect(try Agreement.kendall([1], [2]) == nil)
        #expect(try Agreement.topOverlap([5, -9, 1, 0], [0, 3, 2, 1], count: 2) == 0.5)
        #expect(try Agreement.topOverlap([1, 2], [2, 1], count: 9) == 1)
        #expect(throws: MLError.self) { try Agreement.spearman([1], [1, 2]) }
        #expect(throws: MLError.self) { try Agreement.topOverlap([1], [1], count: 0) }
        let text = "a b a"
        let merged = try Ablation().explain(text, predictor: additive, target: .label("yes"))
        let apart = try Occlusion(window: 1).explain(text, predictor: additive, target: .label("yes"))
        let aligned = try Agreement.aligned(merged, apart)
        #expect(largestDifference(aligned.a, [0.2, -0.05, 0.2]) < 1e-12)
        #expect(largestDifference(aligned.b, [0, -0.05, 0]) < 1e-12)
        #expect(throws: MLError.self) {
            try Agreement.aligned(merged, Ablation().explain("a", predictor: additive, target: .predicted))
        }
    }

    @Test func `wrong settings and empty texts`() throws {
        let evaluate = try Evaluate(attribution(), predictor: additive)
        #expect(failure { _ = try evaluate.comprehensiveness([]) }?.code == .usage)
        #expect(failure { _ = try evaluate.sufficiency([1.5]) }?.code == .usage)
        #expect(failure { _ = try evaluate.infidelity(samples: 1) }?.code == .usage)
        #expect(
            failure {
                _ = try Evaluate.maxSensitivity(of: ExactShapley(), "a b", predictor: additive, variants: 0)
            }?.code == .usage)
        let empty = try Evaluate(
            ExactShapley().explain("", predictor: additive, target: .predicted), predictor: additive)
        #expect(try empty.comprehensiveness() == 0 && empty.deletion().normalised == nil)
        #expect(try empty.insertion().curve.area == empty.full)
    }
}
