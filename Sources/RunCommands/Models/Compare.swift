import ArgumentParser
import Base
import CommandKit
import DataKit
import Ensembles
import ModelKit
import Reports
import TextModels

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare the models of two revisions on the same texts.",
        discussion: """
            Both models answer the second one's test data, unless --data names other files. McNemar's test counts the texts
            that only one has right; the interval of the gain is from 10,000 paired resamples.

            With --predictor the program is the first of the two.

            Examples:
              git mlrun compare HEAD~1 HEAD
              git mlrun compare v1 ensemble.json --data main:data/test.tsv
            """)

    @Argument(help: ArgumentHelp("Two of: a revision, REV:PATH, a path.", valueName: "model")) var names: [String] = []
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Data files: PATH or REV:PATH.", valueName: "file")) var data:
        [String] = []
    @Option(help: "Seed of the bootstrap.") var seed: UInt64 = 1
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var external: PredictorOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let loader = ModelLoader(session.data, progress: session.ui.progress)
        let given = names.count + external.predictor.count + external.endpoint.count
        guard given == 2 else {
            throw MLError(.usage, "two models are compared, not \(given)", hint: "git mlrun compare A B")
        }
        let models = try external.load() + names.map { try loader.loadAny($0) }
        let pair = try EnsemblePredictor(models.map(\.predictor))
        guard pair.labels.count > 1 else {
            throw MLError(.invalidInput, "models that answer with numbers have no classes")
        }
        let reader = DataLoader(
            data: session.data, provenance: models[1].provenance, progress: session.ui.progress)
        let remembered = models[1].provenance["data"]?["test"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let places = data.isEmpty ? remembered : data
        if places.isEmpty { throw MLError(.usage, "which data?", hint: "name it: --data data/test.tsv") }
        var view = TableView(columns: [
            .text("Data"), .number("Texts"), .text("Model"), .number("Accuracy"), .number("Log loss"), .number("F1"),
        ])
        var results: [JSON] = []
        var lines: [String] = []
        for place in places {
            let set = try reader.dataset(place, at: data.isEmpty ? models[1].commit?.id.hex : nil)
            let truth = try Evaluation.indices(of: set.labels, in: pair.labels, name: place)
            let answers = try pair.memberProbabilities(set.texts)
            let evaluations = answers.map { Evaluation($0, truth, classes: pair.labels.count) }
            let test = McNemar(answers[0], answers[1], truth: truth)
            let gain = try PairedBootstrap(answers[0], answers[1], truth: truth, seed: seed)
            let name = DataLoader.name(place)
            for (model, evaluation) in zip(models, evaluations) {
                view.rows.append(
                    [name, Quantity.grouped(set.count), model.name]
                        + [evaluation.accuracy, evaluation.logLoss, evaluation.f1].map {
                            Quantity.fixed($0, decimals: 4)
                        })
            }
            func points(_ value: Double) -> String {
                (value >= 0 ? "+" : "") + Quantity.fixed(value * 100, decimals: 2)
            }
            lines.append(
                "\(name): only the first is right on \(test.onlyFirst), only the second on \(test.onlySecond) "
                    + "(McNemar, exact p = \(Quantity.fixed(test.exact, decimals: 4))); accuracy "
                    + "\(points(gain.accuracy.value)) points [\(points(gain.accuracy.lower)), "
                    + "\(points(gain.accuracy.upper))]")
            results.append([
                "data": .string(name), "texts": JSON(set.count), "first": .object(evaluations[0].json),
                "second": .object(evaluations[1].json), "mcnemar": test.json,
                "gain": [
                    "accuracy": EnsembleReport.gain(gain.accuracy), "log_loss": EnsembleReport.gain(gain.logLoss),
                ],
            ])
        }
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "first": .string(models[0].name), "second": .string(models[1].name),
                    "results": .array(results),
                ]).pretty())
            return
        }
        view.show(.terminal, session.ui)
        session.ui.print("")
        for line in lines { session.ui.print(line) }
    }
}
