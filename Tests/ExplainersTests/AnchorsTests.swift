import Base
import Explainers
import Glibc
import Testing

@Suite struct AnchorsTests {
    /// "yes" when both "not" and "bad" are there.
    private let model = FunctionModel { text in
        let words = Set(IndexedText(text).words.map(\.text))
        return words.isSuperset(of: ["not", "bad"]) ? 0.9 : 0.2
    }

    @Test func `finds the words that fix the prediction`() throws {
        for seed in 0..<5 {
            let result = try Anchors(seed: UInt64(seed)).explain(
                "this film was not so bad after all", predictor: model)
            #expect(result.words.filter { $0.value != 0 }.map(\.text) == ["not", "bad"])
            // A quarter of the variants has both, half of those with one of them has the other.
            #expect(abs(result.base - 0.25) < 0.15)
            #expect(abs(result.sum + result.base - 1) < 1e-12)
            #expect(result.parameters["holds"] == true && result.parameters["coverage"]?.doubleValue == 0.25)
            #expect(result.remarks.first == "if not and bad")
        }
    }

    @Test func `a prediction that nothing changes needs no words`() throws {
        let result = try Anchors().explain("a b c", predictor: FunctionModel { _ in 0.7 })
        #expect(result.words.allSatisfy { $0.value == 0 } && result.base == 1)
        #expect(result.remarks.first == "the prediction holds whatever is hidden")
        #expect(result.parameters["holds"] == true && result.parameters["rule"] == .array([]))
        #expect(result.parameters["coverage"]?.doubleValue == 1)
    }

    @Test func `a few draws certify nothing`() throws {
        let result = try Anchors(draws: 5, samples: 5).explain("a b c", predictor: FunctionModel { _ in 0.7 })
        #expect(result.parameters["holds"] == false && result.base == 1)
        // 5 of 5: the bound is where q⁵ = 0.1.
        let bounds = try #require(result.parameters["precision_bounds"]?.arrayValue)
        #expect(abs(try #require(bounds[0].doubleValue) - pow(0.1, 0.2)) < 1e-9 && bounds[1].doubleValue == 1)
    }

    /// Share of all variants of a rule with the same prediction.
    private func precision(_ tokens: [Int], _ values: [Double]) -> Double {
        let fixed = tokens.reduce(0) { $0 | 1 << $1 }
        let variants = values.indices.filter { $0 & fixed == fixed }
        return Double(variants.filter { values[$0] > 0 }.count) / Double(variants.count)
    }

    @Test func `bounds hold the true precision of random games`() throws {
        var held = 0
        var certified = 0
        for seed in 0..<20 {
            // "Yes" with everybody; the more players, the likelier.
            let n = 8
            let noise = RandomGame.values(players: n, seed: UInt64(seed))
            let values = noise.indices.map {
                $0 == noise.count - 1 ? 1 : noise[$0] + Double($0.nonzeroBitCount) / Double(n) - 0.55
            }
            let game = Game(players: n) { masks in masks.map { [0, values[RandomGame.bits($0)]] } }
            let (rule, drawn) = try Anchors(beam: 2, seed: UInt64(seed)).search(game, predicted: 1)
            let truth = precision(rule.tokens, values)
            #expect(rule.precisions.count == rule.tokens.count + 1 && drawn <= 100_000 + 100)
            #expect(rule.coverage == pow(2, -Double(rule.tokens.count)))
            if (rule.lower...rule.upper).contains(truth) { held += 1 }
            if rule.holds {
                certified += 1
                #expect(truth > 0.85)
            }
        }
        // Each bound fails with probability at most 0.1; the best of many rules is a little flattered.
        #expect(held >= 15, "\(held)")
        #expect(certified >= 17, "\(certified)")
    }

    @Test func `the budget ends a search that cannot succeed`() throws {
        // Parity: no rule but the whole text says anything.
        let game = Game(players: 12) { masks in masks.map { $0.population % 2 == 0 ? [0, 1] : [1, 0] } }
        let (rule, drawn) = try Anchors(samples: 5000).search(game, predicted: 1)
        #expect(!rule.holds && drawn >= 5000 && drawn < 5000 + 12 * 100 + 200)
        #expect(rule.upper < 0.95)
    }

    @Test func `KL bounds are where the divergence reaches the level`() {
        #expect(abs(KLBound.divergence(0.5, 0.25) - (0.5 * log(2) + 0.5 * log(2.0 / 3))) < 1e-15)
        #expect(KLBound.divergence(0.3, 0.3) == 0 && KLBound.divergence(0.5, 0) == .infinity)
        for mean in [0.0, 0.2, 0.73, 1] {
            for level in [1e-4, 0.02, 0.5] {
                let (low, high) = (KLBound.lower(mean, level: level), KLBound.upper(mean, level: level))
                #expect(low <= mean && high >= mean)
                if mean > 0 { #expect(abs(KLBound.divergence(mean, low) - level) < 1e-9) }
                if mean < 1 { #expect(abs(KLBound.divergence(mean, high) - level) < 1e-9) }
                #expect(mean > 0 || low == 0)
                #expect(mean < 1 || high == 1)
            }
        }
        // log(405.5·10·3^1.1/0.1) and its logarithm.
        let inner = log(40550 * pow(3, 1.1))
        #expect(abs(KLBound.beta(arms: 10, round: 3, delta: 0.1) - (inner + log(inner))) < 1e-12)
    }
}
