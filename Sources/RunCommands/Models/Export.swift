import ArgumentParser
import Base
import CommandKit
import DataKit
import ModelKit
import TextModels

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export a model to ONNX.",
        discussion: """
            The file takes numbers of words (a linear model: the words), and answers with the probabilities that
            'git mlrun predict' gives. --inputs prints what the file takes for each text of a file, a line of JSON a text.

            Examples:
              git mlrun export HEAD --onnx model.onnx
              git mlrun export HEAD --inputs reviews.txt
            """)

    @Argument(help: ArgumentHelp("A revision, or REV:PATH.", valueName: "rev")) var revision: String?
    @Option(help: ArgumentHelp("A model's folder.", valueName: "path")) var model: String?
    @Option(help: ArgumentHelp("The ONNX file to write.", valueName: "file")) var onnx: String?
    @Option(help: ArgumentHelp("Print the file's inputs for these texts.", valueName: "file")) var inputs: String?
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var textColumn = "text"
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        guard onnx != nil || inputs != nil else {
            throw MLError(.usage, "export to what?", hint: "name the file: --onnx model.onnx")
        }
        let found = try ModelLoader.choose(
            revision.map { [$0] } ?? [], path: model, data: try? DataRepository(), progress: ui.progress)
        guard let loaded = found.first else { return }
        guard let model = loaded.predictor as? TextModel else {
            throw MLError(
                .invalidInput, "'\(loaded.name)' is no single model of ours",
                hint: "distil it into one: git mlrun train --teacher '\(loaded.name)'")
        }
        if let onnx {
            try Files.writeAtomically(model.onnx(), to: onnx)
            ui.status("Written to \(onnx)")
        }
        if let inputs {
            let bytes =
                inputs == "-"
                ? try FileHandle(borrowing: 0, path: "standard input").readToEnd() : try Files.read(inputs)
            let name = inputs == "-" ? "standard input" : inputs
            for text in try Dataset.texts(parsing: bytes, name: name, textColumn: textColumn) {
                ui.print(model.onnxInputs(of: text).compact())
            }
        }
    }
}
