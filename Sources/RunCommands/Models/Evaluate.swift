import ArgumentParser
import Base
import CommandKit
import DataKit
import ModelKit
import Reports
import TextModels

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a model, or the models of revisions, on labelled data.",
        discussion: """
            Without --data: the test data the model was trained with, as it is in the same revision.

            Examples:
              git mlrun evaluate --model models/reviews --data data/test.tsv -o metrics.json
              git mlrun evaluate HEAD~1 HEAD
            """)

    @Argument(help: ArgumentHelp("Revisions with a model.", valueName: "rev")) var revisions: [String] = []
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file.", valueName: "path")) var model: String?
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Data files: PATH or REV:PATH.", valueName: "file")) var data:
        [String] = []
    @Option(
        name: [.customShort("o"), .long], help: ArgumentHelp("Write the metrics to this JSON file.", valueName: "file"))
    var output: String?
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var textColumn: String?
    @Option(help: ArgumentHelp("The column with the label.", valueName: "name")) var labelColumn: String?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let repository = try? DataRepository()
        let models = try ModelLoader.choose(revisions, path: model, data: repository, progress: ui.progress)
        var document = JSONObject()
        var view = TableView(columns: [
            .text("Model"), .text("Data"), .number("Texts"), .number("Accuracy"), .number("Log loss"), .number("F1"),
        ])
        for model in models {
            var files = JSONObject()
            for (name, evaluation) in try evaluations(model, repository, ui) {
                files[name] = .object(evaluation.json)
                view.rows.append([
                    model.name, name, Quantity.grouped(evaluation.count),
                    Quantity.fixed(evaluation.accuracy, decimals: 4),
                    Quantity.fixed(evaluation.logLoss, decimals: 4), Quantity.fixed(evaluation.f1, decimals: 4),
                ])
            }
            document[model.name] = .object(files)
        }
        let result: JSON = models.count == 1 ? document.pairs[0].value : .object(document)
        if let output { try Files.writeAtomically(result.pretty(), to: output) }
        if json { ui.write(result.pretty()) } else { view.show(.terminal, ui) }
    }

    private func evaluations(
        _ model: ModelLoader.Loaded, _ repository: DataRepository?, _ ui: UserInterface
    ) throws -> [(String, Evaluation)] {
        let remembered = model.provenance["data"]
        var loader = DataLoader(data: repository, provenance: model.provenance, progress: ui.progress)
        if let textColumn { loader.textColumn = textColumn }
        if let labelColumn { loader.labelColumn = labelColumn }
        var places = data
        var revision: String?
        if places.isEmpty {
            places = remembered?["test"]?.arrayValue?.compactMap(\.stringValue) ?? []
            revision = model.commit?.id.hex
        }
        if places.isEmpty { throw MLError(.usage, "which data?", hint: "name it: --data data/test.tsv") }
        var found: [(String, Evaluation)] = []
        for (number, place) in places.enumerated() {
            let set = try loader.dataset(place, at: revision)
            let truth = try Evaluation.indices(of: set.labels, in: model.predictor.labels, name: place)
            let evaluation = Evaluation(
                try model.predictor.predict(set.texts), truth, classes: model.predictor.labels.count)
            found.append((DataLoader.name(place), evaluation))
            ui.progress.report("Evaluating", completed: number + 1, total: places.count, detail: place)
        }
        return found
    }
}
