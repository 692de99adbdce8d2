import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports

/// `git mlexplain errors [REV]`: why the misclassified texts are, the most confident first.
struct ErrorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "errors", abstract: "Explain the misclassified texts of a data file, the most confident first.",
        usage: "git mlexplain errors [<rev>] --data <rev:path> [<options>]")

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @OptionGroup var subjects: SubjectOptions
    @OptionGroup var model: ModelOptions
    @Option(help: ArgumentHelp("\(MethodOptions.names).", valueName: "name")) var method = "partition"
    @Option(help: ArgumentHelp("How many texts are explained (default: 10).", valueName: "n")) var top = 10
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let format = try output.parsed()
        let explainer = try options.explainer(method)
        let repository = try? DataRepository()
        let loaded = try model.load(revision, repository, ui.progress)
        let texts = try subjects.read(loaded, repository, ui, standardRows: .max)
        let labels = loaded.predictor.labels
        for subject in texts {
            guard let label = subject.trueLabel else {
                throw MLError(.usage, "a text has no true label", hint: "use --data, or --true-label with --text")
            }
            guard labels.contains(label) else {
                throw MLError(
                    .invalidInput, "the data has the label '\(label)', which the model does not know",
                    hint: "it knows \(labels.joined(separator: ", "))")
            }
        }
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        var wrong: [(subject: Subject, confidence: Double)] = []
        for start in stride(from: 0, to: texts.count, by: 256) {
            ui.progress.report("Predicting", completed: start, total: texts.count, detail: "")
            let part = Array(texts[start..<min(start + 256, texts.count)])
            for (subject, row) in zip(part, try loaded.predictor.predict(part.map(\.text))) {
                let best = row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }
                if labels[best] != subject.trueLabel { wrong.append((subject, row[best])) }
            }
        }
        let chosen = wrong.enumerated().sorted { a, b in
            (b.element.confidence, a.offset) < (a.element.confidence, b.offset)
        }.prefix(max(1, top)).map(\.element.subject)
        var writer = ReportWriter(
            format, loaded, trueLabels: labels, ui.terminal, isFile: output.output != nil)
        let stream = try ResultStream(output.output, ui)
        var kept: [JSON] = []
        try stream.finish {
            try stream.write(writer.head())
            try ExplanationRun(ui).explain(chosen, explainer, loaded.predictor, options.explanationTarget) { part in
                let marked = part.map { item in
                    var item = item
                    if let row = item.subject.row { item.attribution.remarks.append("row \(row)") }
                    return item
                }
                try stream.write(writer.rows(marked))
                if notes != nil { kept += part.map { ReportWriter.json($0, model: loaded.reference) } }
            }
            try stream.write(writer.foot())
        }
        ui.status("\(wrong.count) of \(Quantity.count(texts.count, "text")) wrong")
        if let notes {
            try notes.add(
                command: "errors",
                result: [
                    "version": 1, "texts": JSON(texts.count), "errors": JSON(wrong.count), "items": .array(kept),
                ])
            ui.status("Recorded on \(notes.commit)")
        }
    }
}
