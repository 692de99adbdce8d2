import Base
import Glibc
import Testing
import TextModels

@Suite struct LinearTests {
    @Test func `the dual solution has no slope in the primal problem`() {
        var random = SeededRandom(seed: 11, purpose: "rows")
        var rows = FeatureRows()
        var labels: [Bool] = []
        for _ in 0..<60 {
            rows.features += (0..<20).filter { _ in random.uniform() < 0.25 }.map { Int32($0) }
            rows.starts.append(rows.features.count)
            labels.append(random.uniform() < 0.4)
        }
        let scales = (0..<20).map { _ in Float(random.uniform() * 3 - 1.5) }
        let costs = (0..<60).map { _ in Float(random.uniform() + 0.5) }
        var descent = DualCoordinateDescent(rows, labels, scales: scales, costs: costs, seed: 1)
        descent.maximumPasses = 500
        descent.tolerance = 1e-6
        var last: Double?
        for strength in [0.1, 3] {
            descent.solve(strength: strength, after: last)
            last = strength
            let (weights, bias) = descent.solution
            var slopes = (0..<20).map { Double(weights[$0] / (scales[$0] * scales[$0])) }
            for row in 0..<60 {
                let features = rows.features[rows.range(row)].map { Int($0) }
                let sign = labels[row] ? 1.0 : -1
                let margin = sign * (Double(bias) + features.reduce(0) { $0 + Double(weights[$1]) })
                for feature in features { slopes[feature] -= strength * Double(costs[row]) * sign / (1 + exp(margin)) }
            }
            #expect(slopes.allSatisfy { abs($0) < 2e-3 }, "\(slopes)")
        }
    }

    @Test func `features are the n-grams of enough texts, sorted by bytes`() throws {
        let texts = ["a b c", "a b d", "b a", "A b c!", "c b"]
        let data = Dataset(texts: texts, labels: ["x", "x", "y", "x", "y"])
        let model = try TextModel.train(
            ModelSpec(embed: .ngrams(n: 3, minimumCount: 2)), TrainingSpec(), train: data, dev: data)
        let folder = "/tmp/git-ml-linear-\(UInt64.random(in: 0...UInt64.max))"
        try model.save(to: folder)
        defer { try? Files.remove(folder) }
        let expected = "a\na b\na b c\nb\nb c\nc\n"
        #expect(try Files.read(folder + "/vocab.txt") == Array(expected.utf8))
    }

    @Test func `weights of classes move the answers of a linear model`() throws {
        let data = Dataset(
            texts: (0..<40).map { "same text \($0 % 4)" }, labels: (0..<40).map { $0 < 30 ? "many" : "rare" })
        func rare(_ weights: TrainingSpec.ClassWeights) throws -> Double {
            var training = try TrainingSpec()
            training.classWeights = weights
            let model = try TextModel.train(
                ModelSpec(embed: .ngrams(n: 1, minimumCount: 1)), training, train: data, dev: Dataset())
            return try model.predict(["same text 1"])[0][1]
        }
        #expect(abs(try rare(.none) - 0.25) < 0.05)
        #expect(abs(try rare(.balanced) - 0.5) < 0.05)
    }

    @Test(arguments: LayerTests.models + [ModelSpec(embed: .ngrams(n: 2, minimumCount: 1))])
    func `one, two and four threads train the same model`(spec: ModelSpec) throws {
        var training = try TrainingSpec()
        training.epochs = 1
        training.batch = 16
        let answers = try [1, 2, 4].map { workers in
            try Workers.$count.withValue(workers) {
                try TextModel.train(spec, training, train: LayerTests.corpus, dev: LayerTests.corpus)
                    .predict(LayerTests.corpus.texts)
            }
        }
        #expect(answers[0] == answers[1] && answers[0] == answers[2])
    }
}
