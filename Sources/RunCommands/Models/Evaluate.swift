import ArgumentParser
import Base
import CommandKit
import DataKit
import Ensembles
import GitKit
import ModelKit
import Reports
import TextModels

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, or the models of revisions, on labelled data.",
        discussion: """
            Without --data: the test data the model was trained with, as it is in the same revision.

            Examples:
              git mlrun evaluate --model models/reviews --data data/test.tsv -o metrics.json
              git mlrun evaluate HEAD~1 HEAD
              git mlrun evaluate main~10..main --data main:data/test.tsv

            A range stands for those of its commits that hold a model. What a commit's model came to is kept in its note
            (refs/notes/mlrun), and the same model is not measured on the same data again.
            """)

    @Argument(help: ArgumentHelp("Revisions with a model, or ranges A..B.", valueName: "rev")) var revisions: [String] =
        []
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file.", valueName: "path")) var model: String?
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Data files: PATH or REV:PATH.", valueName: "file")) var data:
        [String] = []
    @Option(
        name: [.customShort("o"), .long], help: ArgumentHelp("Write the metrics to this JSON file.", valueName: "file"))
    var output: String?
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var textColumn: String?
    @Option(help: ArgumentHelp("The column with the label.", valueName: "name")) var labelColumn: String?
    @Option(help: ArgumentHelp("The column with the second text of a pair.", valueName: "name")) var pairColumn: String?
    @Option(
        help: ArgumentHelp(
            "Write tables for plots there: confusion, roc, precision_recall, calibration (.csv).", valueName: "dir"))
    var plots: String?
    @Flag(help: "Also print per-class and per-length tables, the confusion matrix and intervals.") var details = false
    @Flag(name: .long, help: "Measure again what notes already answer, and write no notes.") var noNotes = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var external: PredictorOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let repository = try? DataRepository()
        if plots != nil, revisions.count > 1 || revisions.contains(where: { $0.contains("..") }) {
            throw MLError(.usage, "'--plots' is for one model at a time")
        }
        let models = try external.loadOne(isModelNamed: !revisions.isEmpty || model != nil) {
            try chosen(repository, ui)
        }
        var book = noNotes ? nil : repository.map { ScoreBook($0.repository) }
        var document = JSONObject()
        var view = TableView(columns: [
            .text("Model"), .text("Data"), .number("Texts"), .number("Accuracy"), .number("Log loss"), .number("F1"),
        ])
        var tables: [EvaluationDetails] = []
        for model in models {
            var files = JSONObject()
            for result in try measure(model, repository, &book, ui) {
                var entry = result.measures
                if let details = result.details {
                    entry["details"] = details.json
                    tables.append(details)
                }
                files[result.data] = .object(entry)
                view.rows.append(
                    [model.name, result.data, Quantity.grouped(result.texts)]
                        + ["accuracy", "log_loss", "f1"].map { name in
                            result.measures[name]?.doubleValue.map { Quantity.fixed($0, decimals: 4) } ?? "-"
                        })
            }
            document[model.name] = .object(files)
        }
        try book?.write()
        let isOne = models.count == 1 && !revisions.contains { $0.contains("..") }
        let result: JSON = isOne ? document.pairs[0].value : .object(document)
        if let output { try Files.writeAtomically(result.pretty(), to: output) }
        if json {
            ui.write(result.pretty())
        } else {
            if let first = models.first, let kind = (first.predictor as? TextModel)?.spec.predict.output,
                kind != .softmax
            {
                ScoreTable.show(document, ui)
            } else {
                view.show(.terminal, ui)
            }
            for table in tables { table.show(ui) }
        }
    }

    /// The models of revisions and of all commits of ranges that hold one, oldest first.
    private func chosen(_ repository: DataRepository?, _ ui: UserInterface) throws -> [ModelLoader.Loaded] {
        guard revisions.contains(where: { $0.contains("..") }) else {
            return try ModelLoader.choose(revisions, path: model, data: repository, progress: ui.progress)
        }
        let data = try repository ?? DataRepository()
        let loader = ModelLoader(data, progress: ui.progress)
        var found: [ModelLoader.Loaded] = []
        for revision in revisions {
            guard revision.contains("..") else {
                found.append(try loader.load(revision: revision, path: model))
                continue
            }
            for commit in try data.repository.log(revision).reversed() {
                do {
                    found.append(try loader.load(revision: commit.id.hex, path: model))
                    found[found.count - 1].name = "\(commit.id.short):\(found[found.count - 1].path)"
                } catch let error as MLError where error.code == .notFound {
                    ui.status("\(commit.id.short): \(error.message)")
                }
            }
        }
        guard !found.isEmpty else {
            throw MLError(
                .notFound,
                "no commit of '\(revisions.joined(separator: " "))' holds a model"
                    + (model.map { " at '\($0)'" } ?? ""))
        }
        return found
    }

    private struct Result {
        var data: String
        var texts: Int
        var measures: JSONObject
        var details: EvaluationDetails?
    }

    private func measure(
        _ model: ModelLoader.Loaded, _ repository: DataRepository?, _ book: inout ScoreBook?, _ ui: UserInterface
    ) throws -> [Result] {
        let remembered = model.provenance["data"]
        var loader = DataLoader(data: repository, provenance: model.provenance, progress: ui.progress)
        if let textColumn { loader.textColumn = textColumn }
        if let labelColumn { loader.labelColumn = labelColumn }
        if let pairColumn { loader.pairColumn = pairColumn }
        var places = data
        var revision: String?
        if places.isEmpty {
            places = remembered?["test"]?.arrayValue?.compactMap(\.stringValue) ?? []
            revision = model.commit?.id.hex
        }
        if places.isEmpty { throw MLError(.usage, "which data?", hint: "name it: --data data/test.tsv") }
        var found: [Result] = []
        for (number, place) in places.enumerated() {
            let short = DataLoader.name(place)
            // Files of one name in several folders keep their places.
            let name = places.count { DataLoader.name($0) == short } == 1 ? short : place
            let bytes = try loader.bytes(place, at: revision)
            let columns = [loader.textColumn, loader.labelColumn, loader.pairColumn ?? ""]
            let set = try Dataset(
                parsing: bytes, name: place, textColumn: loader.textColumn, labelColumn: loader.labelColumn,
                pairColumn: loader.pairColumn)
            let key = try book?.key(model, data: bytes, columns: columns)
            if !details, plots == nil, let key, let commit = model.commit,
                let known = try book?.measures(commit.id, key: key)
            {
                found.append(Result(data: name, texts: set.count, measures: known))
                continue
            }
            let start = monotonicSeconds()
            let (measures, details) = try ModelMeasures.of(
                model.predictor, set, place: place, name: "\(model.name) on \(name)", details: details,
                plots: plots.map { places.count == 1 ? $0 : $0 + "/" + name })
            found.append(Result(data: name, texts: set.count, measures: measures, details: details))
            if let key, let commit = model.commit {
                book?.add(
                    commit.id, data: name, key: key, measures: measures, seconds: monotonicSeconds() - start,
                    time: .now())
            }
            ui.progress.report("Evaluating", completed: number + 1, total: places.count, detail: place)
        }
        return found
    }
}
