import Base
import Testing
import TextModels

/// Numbers of scikit-learn 1.7 on the same sixty rows.
@Suite struct MeasureTests {
    /// Rows and truth from a small generator that Python has too.
    static let data: (rows: [[Double]], truth: [Int]) = {
        var state = 12345
        func next() -> Double {
            state = (state * 1_103_515_245 + 12345) % 2_147_483_648
            return Double(state) / 2_147_483_648
        }
        var rows: [[Double]] = []
        var truth: [Int] = []
        for _ in 0..<60 {
            var row = (0..<3).map { _ in next() + 0.05 }
            let label = Int(next() * 3)
            row[label] += 0.4
            let sum = row.reduce(0, +)
            rows.append(row.map { $0 / sum })
            truth.append(label)
        }
        return (rows, truth)
    }()

    @Test func `measures are scikit-learn's`() {
        let (rows, truth) = MeasureTests.data
        let evaluation = Evaluation(rows, truth, classes: 3)
        func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-12 }
        #expect(near(evaluation.accuracy, 0.7333333333333333))
        #expect(near(evaluation.macro.precision, 0.7345864661654135))
        #expect(near(evaluation.macro.recall, 0.7354497354497355))
        #expect(near(evaluation.macro.f1, 0.7337092731829573))
        #expect(near(evaluation.weighted.precision, 0.7363157894736841))
        #expect(near(evaluation.weighted.f1, 0.7335526315789473))
        #expect(near(evaluation.rocAUC, 0.8984533984533986))
        #expect(near(evaluation.logLoss, 0.7779900349333654))
        #expect(near(evaluation.calibrationError, 0.2478477046442517))
        #expect(evaluation.confusion == [[15, 3, 3], [3, 14, 1], [3, 3, 15]])
        // Rounded scores tie: half a pair each.
        let tied = rows.map { row -> [Double] in
            let p = (row[1] * 10).rounded(.toNearestOrEven) / 10
            return [1 - p, p]
        }
        #expect(near(Evaluation(tied, truth.map { $0 == 1 ? 1 : 0 }, classes: 2).rocAUC, 0.898148148148148))
        let one = Evaluation([[0.9, 0.1]], [0], classes: 2)
        #expect(one.rocAUC.isNaN && one.json["roc_auc"] == nil)
    }

    @Test func `a training that was stopped ends in the same bytes`() throws {
        let data = LayerTests.corpus
        let spec = ModelSpec(
            embed: LayerTests.words, vectors: .init(.subwords(buckets: 50, shortest: 3, longest: 4)),
            encode: .bigru(width: 3), predict: .init(hidden: [4], smoothing: 0.1, isCalibrated: true))
        for kind in TrainingSpec.Optimiser.allCases {
            var training = try TrainingSpec(
                JSON(
                    parsing:
                        #"{"epochs": 4, "batch": 8, "accumulate": 2, "warmup": 0.2, "schedule": "cosine", "embedding_dropout": 0.1, "average_last": 2, "class_weights": "balanced"}"#
                ))
            training.optimiser = kind
            let folder = "/tmp/git-ml-resume-\(UInt64.random(in: 0...UInt64.max))"
            try Files.makeDirectories(folder)
            defer { try? Files.remove(folder) }
            let whole = try TextModel.train(spec, training, train: data, dev: data)
            var options = TrainingOptions()
            options.checkpoint = folder + "/c"
            for steps in [2, 5] {
                options.maximumSteps = steps
                #expect(throws: MLError.self) {
                    try TextModel.train(spec, training, train: data, dev: data, options: options)
                }
            }
            options.maximumSteps = nil
            let resumed = try TextModel.train(spec, training, train: data, dev: data, options: options)
            try whole.save(to: folder + "/a")
            try resumed.save(to: folder + "/b")
            for name in TextModel.fileNames {
                #expect(try Files.read(folder + "/a/" + name) == Files.read(folder + "/b/" + name), "\(kind) \(name)")
            }
            training.seed = 9
            #expect(throws: MLError.self) {
                try TextModel.train(spec, training, train: data, dev: data, options: options)
            }
        }
    }

    @Test func `several labels and numbers are learned`() throws {
        var sets = Dataset()
        var numbers = Dataset()
        for (text, label) in zip(LayerTests.corpus.texts, LayerTests.corpus.labels) {
            sets.texts.append(text)
            sets.labels.append(label == "pos" ? "a|b" : text.contains("plot") ? "c" : "")
            numbers.texts.append(text)
            numbers.labels.append(label == "pos" ? "3.5" : "-1")
        }
        var training = try TrainingSpec(
            JSON(parsing: #"{"epochs": 40, "batch": 8, "learning_rate": 0.02, "dropout": 0, "patience": 40}"#))
        training.seed = 3
        let several = try TextModel.train(
            ModelSpec(embed: LayerTests.words, attend: .max, predict: .init(.sigmoid)), training, train: sets, dev: sets
        )
        #expect(several.labels == ["a", "b", "c"])
        let answer = try several.predict(["the film was good"])[0]
        #expect(answer[0] > 0.5 && answer[1] > 0.5)
        let number = try TextModel.train(
            ModelSpec(embed: LayerTests.words, attend: .max, predict: .init(.regression)), training, train: numbers,
            dev: numbers)
        #expect(try number.predict(["the film was good"])[0][0] > 2)
        #expect(try number.predict(["the film was bad"])[0][0] < 0)
        numbers.labels[3] = "many"
        #expect(throws: MLError.self) { try TextModel.train(number.spec, training, train: numbers, dev: numbers) }
    }

    @Test func `a loss that is no number stops with the rows that did it`() throws {
        var training = try TrainingSpec(
            JSON(parsing: #"{"learning_rate": 10, "clip": 0, "optimiser": "sgd", "epochs": 200, "patience": 200}"#))
        training.batch = 4
        do {
            _ = try TextModel.train(
                ModelSpec(embed: LayerTests.words, predict: .init(.regression)), training,
                train: Dataset(
                    texts: LayerTests.corpus.texts,
                    labels: LayerTests.corpus.labels.map { $0 == "pos" ? "1e30" : "-1e30" }),
                dev: Dataset(texts: ["x"], labels: ["1"]))
            Issue.record("no error")
        } catch let error as MLError {
            #expect(error.message.contains("epoch") && error.message.contains("rows"))
        }
    }
}
