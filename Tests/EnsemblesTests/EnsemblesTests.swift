import Base
import Ensembles
import Testing

private struct Fixed: Predictor {
    var labels: [String]
    var rows: [[Double]]
    func predict(_ texts: [String]) throws -> [[Double]] { texts.indices.map { rows[$0 % rows.count] } }
}

@Suite struct EnsemblesTests {
    @Test func `members with labels in another order are mapped`() throws {
        let a = Fixed(labels: ["n", "p"], rows: [[0.2, 0.8]])
        let b = Fixed(labels: ["p", "n"], rows: [[0.4, 0.6]])
        let rows = try EnsemblePredictor([a, b], weights: [3, 1]).predict(["x"])
        #expect(
            abs(rows[0][0] - (0.75 * 0.2 + 0.25 * 0.6)) < 1e-12 && abs(rows[0][1] - (0.75 * 0.8 + 0.25 * 0.4)) < 1e-12)
        #expect(throws: MLError.self) { try EnsemblePredictor([a, Fixed(labels: ["n", "q"], rows: [])]) }
        #expect(throws: MLError.self) { try EnsemblePredictor([a, b], weights: [-1, 2]) }
        #expect(throws: MLError.self) { try EnsemblePredictor([]) }
    }

    @Test func `grid search finds the best split and prefers even ones`() throws {
        // The second member is right, the first useless: all weight goes there.
        let truth = [0, 1, 0, 1]
        let useless = truth.map { _ in [0.5, 0.5] }
        let right = truth.map { $0 == 0 ? [0.99, 0.01] : [0.01, 0.99] }
        #expect(try GridSearch.weights([useless, right], truth: truth, classes: 2).weights == [0, 1])
        #expect(try GridSearch.weights([right, right], truth: truth, classes: 2).weights == [0.5, 0.5])
        let many = try GridSearch.weights([[[Double]]](repeating: right, count: 9), truth: truth, classes: 2)
        #expect(many.steps < 20 && abs(many.weights.reduce(0, +) - 1) < 1e-9)
    }

    @Test func `the interval holds the gain, is seeded, and is zero for equals`() throws {
        var random = SeededRandom(seed: 3, purpose: "rows")
        let truth = (0..<300).map { _ in random.below(2) }
        let weak = truth.map { label -> [Double] in
            let p = random.uniform() < 0.7 ? 0.7 : 0.4
            return label == 0 ? [p, 1 - p] : [1 - p, p]
        }
        let strong = truth.map { label -> [Double] in
            let p = random.uniform() < 0.9 ? 0.9 : 0.4
            return label == 0 ? [p, 1 - p] : [1 - p, p]
        }
        let gain = try PairedBootstrap(weak, strong, truth: truth, resamples: 2000)
        #expect(gain.accuracy.lower <= gain.accuracy.value && gain.accuracy.value <= gain.accuracy.upper)
        #expect(gain.accuracy.lower > 0 && gain.logLoss.lower > 0)
        #expect(try PairedBootstrap(weak, strong, truth: truth, resamples: 2000) == gain)
        let none = try PairedBootstrap(weak, weak, truth: truth, resamples: 100)
        #expect(none.accuracy.lower == 0 && none.accuracy.upper == 0 && none.logLoss.value == 0)
    }

    @Test func `a document reads back`() throws {
        let document = EnsembleDocument(
            method: "weighted", labels: ["a", "b"],
            members: [.init(commit: nil, path: "m", weight: 0.25), .init(commit: "ab", path: "n", weight: 0.75)])
        #expect(try EnsembleDocument(parsing: Array(document.json.pretty().utf8), name: "e") == document)
        #expect(throws: MLError.self) { try EnsembleDocument(parsing: Array("{}".utf8), name: "e") }
    }

    /// Members that are right on different texts.
    static let members: (rows: [[[Double]]], truth: [Int]) = {
        var random = SeededRandom(seed: 8, purpose: "members")
        let truth = (0..<200).map { _ in random.below(3) }
        let rows = [0.75, 0.65, 0.6].map { quality in
            truth.map { label -> [Double] in
                let guess = random.uniform() < quality ? label : random.below(3)
                let p = 0.5 + random.uniform() * 0.4
                return (0..<3).map { $0 == guess ? p : (1 - p) / 2 }
            }
        }
        return (rows, truth)
    }()

    @Test func `every search comes to the optimum of the convex one`() throws {
        let (rows, truth) = EnsemblesTests.members
        func loss(_ search: WeightSearch) throws -> Double {
            let found = try search.weights(rows, truth: truth, classes: 3)
            #expect(abs(found.weights.reduce(0, +) - 1) < 1e-9 && found.weights.allSatisfy { $0 >= 0 })
            let again = try search.weights(rows, truth: truth, classes: 3)
            #expect(again.weights == found.weights)
            return found.note["log_loss"]?.doubleValue ?? .nan
        }
        let exact = try loss(.exact)
        for (search, margin) in [(WeightSearch.ga, 1e-6), (.pso, 1e-6), (.nelderMead, 1e-6), (.grid, 1e-3)] {
            let value = try loss(search)
            #expect(value >= exact - 1e-9 && value <= exact + margin, "\(search): \(value) against \(exact)")
        }
    }

    @Test(arguments: Stacking.Learner.allCases)
    func `a stacked model reads back and answers the same`(learner: Stacking.Learner) throws {
        let (rows, truth) = EnsemblesTests.members
        let fitted = try Stacking.fit(rows, truth: truth, classes: 3, learner: learner)
        let answers = fitted.model.combine(rows)
        #expect(answers.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-9 })
        let json = try JSON(parsing: fitted.model.json.compact())
        let back = try Stacking(json, inputs: 9, classes: 3, name: "e.json")
        #expect(back.combine(rows) == answers)
        #expect(throws: MLError.self) { try Stacking(json, inputs: 6, classes: 4, name: "e.json") }
    }

    @Test func `McNemar's test is SciPy's`() {
        let test = McNemar(onlyFirst: 9, onlySecond: 22)
        #expect(abs(test.exact - 0.029449373483657837) < 1e-12)
        #expect(abs(test.statistic - 4.645161290322581) < 1e-12)
        #expect(McNemar(onlyFirst: 0, onlySecond: 0).exact == 1 && McNemar(onlyFirst: 4, onlySecond: 4).exact == 1)
    }

    @Test func `votes, greedy picks and unlike errors`() throws {
        let (rows, truth) = EnsemblesTests.members
        let votes = Combination.vote([1.0 / 3, 1.0 / 3, 1.0 / 3]).combine(rows)
        #expect(votes.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-9 })
        let picked = try GreedySelection.weights(rows, truth: truth)
        #expect(abs(picked.reduce(0, +) - 1) < 1e-9)
        let diversity = Diversity([rows[0], rows[0], rows[1]], truth: truth)
        #expect(diversity.pairs[0].disagreement == 0 && abs(diversity.pairs[0].errorCorrelation - 1) < 1e-9)
        #expect(diversity.pairs[1].errorCorrelation < 0.5)
        #expect(throws: MLError.self) {
            try PairedBootstrap(rows[0], rows[1], truth: truth, resamples: 0)
        }
    }
}
