import Base
import Ensembles
import Testing
import TextModels

@Suite struct EnsembleTrainingTests {
    /// Sixty short texts that two words decide, one in ten wrongly labelled.
    static let corpus: Dataset = {
        var random = SeededRandom(seed: 5, purpose: "corpus")
        let filler = ["the", "film", "was", "plot", "it", "and"]
        var data = Dataset()
        for number in 0..<60 {
            let words = (0..<6).map { _ in filler[random.below(filler.count)] } + [number % 2 == 0 ? "good" : "bad"]
            data.texts.append(words.joined(separator: " "))
            data.labels.append((number % 2 == 0) == (number % 10 != 3) ? "pos" : "neg")
        }
        return data
    }()

    private static func training(epochs: Int = 4) throws -> EnsembleTraining {
        var training = try TrainingSpec()
        training.epochs = epochs
        training.batch = 8
        training.learningRate = 0.01
        return EnsembleTraining(
            try ModelSpec(["embed": ["layer": "words", "width": 4, "min_count": 1]]), training, train: corpus,
            dev: corpus)
    }

    private static func bytes(_ model: TextModel) throws -> [UInt8] {
        let folder = "/tmp/git-ml-member-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? Files.remove(folder) }
        try model.save(to: folder)
        return try Files.read(folder + "/weights.safetensors")
    }

    @Test(arguments: EnsembleTraining.Kind.allCases)
    func `members differ, weights sum to one, and each can be made again alone`(kind: EnsembleTraining.Kind) throws {
        let training = try EnsembleTrainingTests.training()
        let members = try training.fit(kind, members: 2)
        #expect(!members.isEmpty && abs(members.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
        let weights = try members.map { try EnsembleTrainingTests.bytes($0.model) }
        #expect(Set(weights).count == members.count)
        for (member, bytes) in zip(members, weights) {
            let again = try #require(try training.fit(kind, members: 2, only: member.member).first)
            #expect(try EnsembleTrainingTests.bytes(again.model) == bytes)
        }
    }

    @Test func `parts of the data are even and hold each row once`() throws {
        let folds = try EnsembleTraining.folds(23, 5, seed: 1)
        #expect(folds.count == 23)
        #expect((0..<5).allSatisfy { fold in [4, 5].contains(folds.count { $0 == fold }) })
        #expect(try folds == EnsembleTraining.folds(23, 5, seed: 1))
        #expect(throws: MLError.self) { try EnsembleTraining.folds(9, 5, seed: 1) }
    }

    @Test func `too few epochs, and epochs of a linear model, are refused`() throws {
        #expect(throws: MLError.self) { try EnsembleTrainingTests.training(epochs: 2).fit(.snapshot, members: 3) }
        var linear = try EnsembleTrainingTests.training()
        linear.spec = ModelSpec(embed: .ngrams(n: 1, minimumCount: 1))
        #expect(throws: MLError.self) { try linear.fit(.horizontal, members: 2) }
        #expect(try linear.fit(.bagging, members: 2).count == 2)
    }

    @Test func `stacking from the training data learns whom to believe`() throws {
        var linear = try EnsembleTrainingTests.training()
        linear.spec = ModelSpec(embed: .ngrams(n: 1, minimumCount: 1))
        let training = StackedTraining(
            [linear, try EnsembleTrainingTests.training()], folds: 3, learner: .logistic)
        let (models, stacking, note) = try training.fit(seed: 1)
        #expect(models.count == 2 && note["folds"] == 5)
        let truth = EnsembleTrainingTests.corpus.labels.map { $0 == "pos" ? 1 : 0 }
        let answers = try models.map { try $0.predict(EnsembleTrainingTests.corpus.texts) }
        #expect(Evaluation(stacking.combine(answers), truth, classes: 2).accuracy > 0.8)
        #expect(throws: MLError.self) { try StackedTraining([linear], folds: 3, learner: .trees).fit(seed: 1) }
    }

    @Test func `a step size that falls several times falls several times`() throws {
        var training = try TrainingSpec(["schedule": "cosine", "cycles": 2])
        #expect(training.json["cycles"] == 2)
        training.cycles = 1
        #expect(training.json["cycles"] == nil)
    }
}
