import Base
import Explainers
import Testing

@Suite struct RegressionTests {
    private struct Problem {
        var masks: [BitSet] = []
        var rows: [[Double]] = []
        var weights: [Double] = []
        var responses: [Double] = []
        var features: Int
        func weight(_ population: Int) -> Double {
            LocalModel.weight(present: population, of: features, kernelWidth: 25)
        }

        init(_ round: Int) {
            var random = SeededRandom(seed: 77, purpose: "regression", position: UInt64(round))
            features = 1 + random.below(round % 3 == 0 ? 90 : 12)
            let truth = (0..<features).map { _ in random.uniform() - 0.5 }
            for _ in 0..<(3 * features + 20 + random.below(200)) {
                var mask = BitSet(count: features)
                for feature in 0..<features where random.uniform() < 0.6 { mask[feature] = true }
                masks.append(mask)
                rows.append((0..<features).map { mask[$0] ? 1 : 0 })
                weights.append(weight(mask.population))
                let signal = zip(truth, rows[rows.count - 1]).reduce(0) { $0 + $1.0 * $1.1 }
                responses.append(signal + random.uniform())
            }
        }
    }

    @Test func `the Gram matrix by bit counts and Cholesky equals the plain regression`() throws {
        for round in 0..<20 {
            let problem = Problem(round)
            let moments = RegressionMoments(masks: problem.masks, weight: problem.weight, responses: problem.responses)
            for alpha in [0.01, 1] {
                let all = Array(0..<problem.features)
                let fast = try #require(moments.ridge(alpha: alpha, on: all))
                let plain = RidgeReference.fit(
                    rows: problem.rows, weights: problem.weights, responses: problem.responses, alpha: alpha)
                for (x, y) in zip(fast.coefficients, plain.coefficients) { #expect(abs(x - y) < 1e-10) }
                #expect(abs(fast.intercept - plain.intercept) < 1e-10)
            }
        }
    }

    @Test func `many features do without the Gram matrix, and get the same`() throws {
        for round in 0..<8 {
            let problem = Problem(round)
            let (dense, wide) = (512, 0)
            let both = [dense, wide].map {
                RegressionMoments(
                    masks: problem.masks, weight: problem.weight, responses: problem.responses, mostDense: $0)
            }
            let all = Array(0..<problem.features)
            for (alpha, chosen) in [(0.01, all), (1, all), (1, Array(all.prefix(5)))] {
                let fits = try both.map { try #require($0.ridge(alpha: alpha, on: chosen)) }
                for (x, y) in zip(fits[0].coefficients, fits[1].coefficients) { #expect(abs(x - y) < 1e-10) }
                #expect(abs(fits[0].intercept - fits[1].intercept) < 1e-10)
            }
            #expect(both[0].forwardSelection(limit: 6) == both[1].forwardSelection(limit: 6))
            let paths = both.map { LassoPath($0, rows: problem.masks.count).selection(limit: 6) }
            #expect(paths[0] == paths[1])
        }
    }

    @Test func `incremental forward selection chooses what refitting every candidate chooses`() {
        for round in 1..<12 where round % 3 != 0 {
            let problem = Problem(round)
            let moments = RegressionMoments(masks: problem.masks, weight: problem.weight, responses: problem.responses)
            let plain = RidgeReference.forwardSelection(
                rows: problem.rows, weights: problem.weights, responses: problem.responses, limit: 6)
            #expect(moments.forwardSelection(limit: 6) == plain)
        }
    }

    @Test func `features that determine each other do not break the selection`() {
        var masks: [BitSet] = []
        for row in 0..<64 {
            var mask = BitSet(count: 4)
            (mask[0], mask[1], mask[2]) = (row & 1 == 1, row & 1 == 1, row & 2 == 2)
            masks.append(mask)
        }
        let responses = masks.map { ($0[0] ? 1.0 : 0) + ($0[2] ? 0.25 : 0) }
        let moments = RegressionMoments(masks: masks, weight: { _ in 1 }, responses: responses)
        #expect(moments.forwardSelection(limit: 4) == [0, 2, 1, 3])
        #expect(moments.ridge(alpha: 0, on: [3]) == nil)
    }

    @Test func `weights follow the cosine kernel`() {
        #expect(LocalModel.weight(present: 4, of: 4, kernelWidth: 25) == 1)
        // D = 50 at a quarter of the words: exp(−2500/1250).
        #expect(abs(LocalModel.weight(present: 1, of: 4, kernelWidth: 25) - 0.1353352832366127) < 1e-15)
        #expect(abs(LocalModel.weight(present: 0, of: 4, kernelWidth: 25) - 0.00033546262790251185) < 1e-15)
    }
}
