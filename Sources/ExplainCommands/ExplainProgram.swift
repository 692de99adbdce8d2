import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports
import TextModels

/// `git mlexplain`: why a committed model decides as it does.
public struct ExplainProgram: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "git-mlexplain",
        abstract: "Explain what a model of a commit predicts: which words pull which way.",
        usage: "git mlexplain [<rev>] (--text <text> | --file <file> | --data <rev:path>) [<options>]",
        discussion: """
            Methods:
              lime  a local linear model over hidden words (Ribeiro et al. 2016); any model
              ig    integrated gradients (Sundararajan et al. 2017); built-in models

            Examples:
              git mlexplain HEAD --text "It was a fantastic performance !"
              git mlexplain HEAD --data HEAD:data/test.tsv --row 17 --method ig
              git mlexplain v1.0 --file reviews.txt --format html -o why.html
            """,
        version: Program.version)

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @Option(
        parsing: .unconditionalSingleValue, help: ArgumentHelp("A text to explain; repeat for more.", valueName: "text")
    )
    var text: [String] = []
    @Option(help: ArgumentHelp("A file with a text a line, or with a column 'text'.", valueName: "file")) var file:
        String?
    @Option(help: ArgumentHelp("A labelled data file: REV:PATH or PATH.", valueName: "file")) var data: String?
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Rows of the data, the first is 1 (default: the first ten).", valueName: "n"))
    var row: [Int] = []
    @Option(help: ArgumentHelp("A model's folder, inside the revision or in the work tree.", valueName: "path"))
    var model: String?
    @Option(help: ArgumentHelp("An ensemble's file.", valueName: "file")) var ensemble: String?
    @Option(
        help: ArgumentHelp(
            "lime, ig, shap (partition), kernel, permutation, sampling, exact, linear, occlusion, ablation or anchors.",
            valueName: "name"))
    var method = "lime"
    @Option(help: ArgumentHelp("How many masked texts to ask about (LIME: 5000, shap: 500, …).", valueName: "n"))
    var samples: Int?
    @Option(help: ArgumentHelp("How many points integrated gradients take (default: 50).", valueName: "n")) var steps:
        Int?
    @Option(help: ArgumentHelp("How many words LIME keeps (default: 10).", valueName: "n")) var features: Int?
    @Option(help: ArgumentHelp("How LIME chooses them: auto, forward, highest, lasso, none.", valueName: "how"))
    var selection: String?
    @Option(help: ArgumentHelp("Seed of the random numbers (default: 0).", valueName: "n")) var seed: UInt64?
    @Option(
        help: ArgumentHelp("Random numbers: default, or numpy-legacy as Python's lime draws them.", valueName: "kind"))
    var rng: String?
    @Option(
        help: ArgumentHelp(
            "Add points or samples until sum rule (ig) or ranks (sampled methods) hold to this.", valueName: "x"))
    var tolerance: Double?
    @Option(help: ArgumentHelp("The label to explain (default: the predicted one).", valueName: "label")) var target:
        String?
    @Option(help: ArgumentHelp("The true label, to show beside the predicted one.", valueName: "label")) var trueLabel:
        String?
    @Option(help: ArgumentHelp("table, json, html or md.", valueName: "format")) var format = "table"
    @Flag(help: "The same as --format json.") var json = false
    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write to this file.", valueName: "file")) var output:
        String?
    @OptionGroup var common: CommonOptions

    public init() {}

    public func run() throws {
        let ui = try UserInterface(common)
        let format = try OutputFormat.parse(json ? "json" : format)
        let explainer = try explainer()
        let repository = try? DataRepository()
        let path = ensemble ?? model
        guard
            let loaded = try ModelLoader.choose(
                revision.map { [$0] } ?? [], path: path, data: repository, progress: ui.progress
            ).first
        else { return }
        let subjects = try Subjects.read(self, loaded, repository, ui)
        let target = target.map { ExplanationTarget.label($0) } ?? .predicted
        let explained = try subjects.enumerated().map { number, subject in
            ui.progress.report("Explaining", completed: number, total: subjects.count, detail: explainer.method)
            return Explained(
                subject: subject,
                attribution: try explainer.explain(subject.text, predictor: loaded.predictor, target: target))
        }
        let text = format.render(explained, model: loaded, ui.terminal, isFile: output != nil)
        if let output {
            try Files.writeAtomically(text, to: output)
            ui.status("Written to \(output)")
        } else {
            ui.write(text)
        }
    }

    private func explainer() throws -> any Explainer {
        let options = ExplainerOptions(
            samples: samples, steps: steps, seed: seed, generator: try rng.map { try ExplainerRegistry.generator($0) },
            features: features, selection: try selection.map { try ExplainerRegistry.selection($0) },
            tolerance: tolerance)
        return try ExplainerRegistry.explainer(method, options: options)
    }
}
