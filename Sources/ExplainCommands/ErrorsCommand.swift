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
        let truths = try texts.map { try Truth($0, labels: labels) }
        let hasSeveral = truths.contains { $0.labels.count != 1 }
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        var wrong: [Mistake] = []
        for start in stride(from: 0, to: texts.count, by: 256) {
            ui.progress.report("Predicting", completed: start, total: texts.count, detail: "")
            let part = Array(texts[start..<min(start + 256, texts.count)])
            let answers = try loaded.predictor.predict(part.map(\.text))
            for (place, (subject, row)) in zip(part, answers).enumerated() {
                let truth = truths[start + place]
                let mistake = hasSeveral ? truth.worst(row, labels) : truth.mistake(row, labels)
                if let mistake {
                    wrong.append(Mistake(subject: subject, label: mistake.label, confidence: mistake.confidence))
                }
            }
        }
        let chosen = wrong.enumerated().sorted { a, b in
            (b.element.confidence, a.offset) < (a.element.confidence, b.offset)
        }.prefix(max(1, top)).map(\.element)
        var writer = ReportWriter(
            format, loaded, trueLabels: labels, ui.terminal, isFile: output.output != nil)
        let stream = try ResultStream(output.output, ui)
        var kept: [JSON] = []
        try stream.finish {
            try stream.write(writer.head())
            let (predictor, target) = (loaded.predictor, options.explanationTarget)
            try ExplanationRun(ui).forEach(
                Array(chosen),
                { mistake in
                    // Of several labels, the one that is most wrong.
                    let target = hasSeveral && target == .predicted ? .label(mistake.label) : target
                    return Explained(
                        subject: mistake.subject,
                        attribution: try explainer.explain(mistake.subject.text, predictor: predictor, target: target))
                }
            ) { part in
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

/// A text with a wrong answer.
private struct Mistake: Sendable {
    var subject: Subject
    /// The label that is wrong, and how sure the model is of it.
    var label: String
    var confidence: Double
}

/// The labels a text really has: one, or several with `|` between them.
private struct Truth {
    var labels: Set<String>

    init(_ subject: Subject, labels known: [String]) throws {
        guard let label = subject.trueLabel else {
            throw MLError(.usage, "a text has no true label", hint: "use --data, or --true-label with --text")
        }
        labels = known.contains(label) ? [label] : Set(label.split(separator: "|").map(String.init))
        guard let stranger = labels.subtracting(known).sorted().first else { return }
        throw MLError(
            .invalidInput, "the data has the label '\(stranger)', which the model does not know",
            hint: "it knows \(known.joined(separator: ", "))")
    }

    /// Where a text has one label: the most probable one, if it is not the text's.
    func mistake(_ row: [Double], _ known: [String]) -> (label: String, confidence: Double)? {
        let best = row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }
        return labels.contains(known[best]) ? nil : (known[best], row[best])
    }

    /// Where a text has several: of the labels that are given or left out wrongly, the one the model is surest of.
    func worst(_ row: [Double], _ known: [String]) -> (label: String, confidence: Double)? {
        let wrong = known.indices.filter { (row[$0] >= 0.5) != labels.contains(known[$0]) }
        let sureness = { (index: Int) in max(row[index], 1 - row[index]) }
        return wrong.max { sureness($0) < sureness($1) }.map { (known[$0], sureness($0)) }
    }
}
