import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit

/// `git mlexplain [REV]`: which words pull which way.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Explain what a model predicts for texts (the default).",
        usage: "git mlexplain [<rev>] (--text <text> | --file <file> | --data <rev:path>) [<options>]")

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @OptionGroup var subjects: SubjectOptions
    @OptionGroup var model: ModelOptions
    @Option(help: ArgumentHelp("\(MethodOptions.names).", valueName: "name")) var method = "lime"
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let format = try output.parsed()
        let explainer = try options.explainer(method)
        let repository = try? DataRepository()
        let loaded = try model.load(revision, repository, ui.progress)
        let texts = try subjects.read(loaded, repository, ui, standardRows: 10)
        var writer = ReportWriter(
            format, loaded, trueLabels: Set(texts.compactMap(\.trueLabel)).sorted(), ui.terminal,
            isFile: output.output != nil)
        let stream = try ResultStream(output.output, ui)
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        var kept: [JSON] = []
        try stream.finish {
            var hasBegun = false
            try ExplanationRun(ui).explain(texts, explainer, loaded.predictor, options.explanationTarget) { part in
                // A fault in the first texts must not leave titles without a table.
                if !hasBegun { try stream.write(writer.head()) }
                hasBegun = true
                try stream.write(writer.rows(part))
                if notes != nil { kept += part.map { ReportWriter.json($0, model: loaded.reference) } }
            }
            try stream.write(writer.foot())
        }
        if let notes {
            try notes.add(command: "show", result: ["version": 1, "items": .array(kept)])
            ui.status("Recorded on \(notes.commit)")
        }
    }
}
