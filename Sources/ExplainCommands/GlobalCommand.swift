import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports

/// `git mlexplain global [REV]`: which words matter over a data set.
struct GlobalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "global", abstract: "Show which words matter over a data set: mean size, by class, with examples.",
        usage: "git mlexplain global [<rev>] --data <rev:path> [<options>]")

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @OptionGroup var subjects: SubjectOptions
    @OptionGroup var model: ModelOptions
    @Option(help: ArgumentHelp("\(MethodOptions.names).", valueName: "name")) var method = "partition"
    @Option(help: ArgumentHelp("How many words are listed (default: 20).", valueName: "n")) var top = 20
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        _ = try output.parsed()
        let explainer = try options.explainer(method)
        let repository = try? DataRepository()
        let loaded = try model.load(revision, repository, ui.progress)
        let texts = try subjects.read(loaded, repository, ui, standardRows: 200)
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        var importance = GlobalImportance(labels: loaded.predictor.labels)
        try ExplanationRun(ui).explain(texts, explainer, loaded.predictor, options.explanationTarget) { part in
            for item in part { importance.add(item.attribution, row: item.subject.row) }
        }
        let labels = loaded.predictor.labels
        var table = Table(
            columns: [.init("Word"), .init("Texts", .right), .init("Mean size", .right)]
                + labels.map { .init("For \($0)", .right) } + [.init("Example")])
        let words = importance.top(max(1, top))
        for word in words {
            let row = word.example.row.map { "\($0): " } ?? ""
            table.rows.append(
                [
                    .init(word.text), .init(Quantity.grouped(word.texts)),
                    .init(Quantity.fixed(word.importance, decimals: 4)),
                ] + word.byClass.map { .init($0.map { Signed($0).description } ?? "-") } + [
                    .init(TextWidth.truncate(row + word.example.text, to: 40), full: row + word.example.text)
                ])
        }
        let json: JSON = [
            "version": 1, "model": loaded.reference, "method": .string(explainer.method),
            "texts": JSON(importance.texts), "labels": JSON(labels),
            "words": .array(
                words.map { word in
                    [
                        "text": .string(word.text), "texts": JSON(word.texts), "importance": .number(word.importance),
                        "by_label": .object(
                            JSONObject(zip(labels, word.byClass).map { ($0, $1.map { .number($0) } ?? .null) })),
                        "example": [
                            "text": .string(word.example.text), "row": word.example.row.map { JSON($0) } ?? .null,
                            "value": .number(word.example.value),
                        ],
                    ]
                }),
        ]
        try output.write(
            title: "What matters to \(loaded.name)",
            tables: [table],
            remarks: [
                "\(Quantity.count(importance.texts, "text")), \(explainer.method); each explained for the label it gets"
            ],
            json: json, ui)
        if let notes {
            try notes.add(command: "global", result: json)
            ui.status("Recorded on \(notes.commit)")
        }
    }
}
