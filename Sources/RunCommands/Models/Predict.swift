import ArgumentParser
import Base
import CommandKit
import DataKit
import ModelKit
import Reports
import TextModels

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predict the labels of texts with a model of the work tree or of a revision.",
        discussion: """
            Texts come from a file (.tsv, .csv, .jsonl with a column 'text', or one a line) or from standard input.

            Examples:
              echo "A fine film." | git mlrun predict
              git mlrun predict HEAD~1 reviews.txt --json
            """)

    @Argument(help: ArgumentHelp("A revision, then a file.", valueName: "rev-or-file")) var arguments: [String] = []
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file.", valueName: "path")) var model: String?
    @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("A text, instead of a file.", valueName: "text"))
    var text: [String] = []
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var textColumn = "text"
    @Flag(help: "Print a line of JSON a text.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let repository = try? DataRepository()
        var words = arguments
        var file: String?
        if let last = words.last, last == "-" || Files.exists(last) || words.count == 2 { file = words.removeLast() }
        guard words.count <= 1 else {
            throw MLError(.usage, "'\(words[1])' is too much", hint: "git mlrun predict [REV] [FILE]")
        }
        guard let loaded = try ModelLoader.choose(words, path: model, data: repository, progress: ui.progress).first
        else { return }
        let predictor = loaded.predictor
        let texts = try text.isEmpty ? read(file) : text
        // In stretches, so that a long file shows its first answers soon and needs little memory.
        for start in stride(from: 0, to: texts.count, by: 4096) {
            let part = Array(texts[start..<min(start + 4096, texts.count)])
            for (text, row) in zip(part, try predictor.predict(part)) { show(text, row, predictor.labels, ui) }
        }
    }

    private func read(_ file: String?) throws -> [String] {
        guard let file, file != "-" else {
            let bytes = try FileHandle(borrowing: 0, path: "standard input").readToEnd()
            return try Dataset.texts(parsing: bytes, name: "standard input")
        }
        return try Dataset.texts(parsing: try Files.read(file), name: file, textColumn: textColumn)
    }

    private func show(_ text: String, _ row: [Double], _ labels: [String], _ ui: UserInterface) {
        let best = Evaluation.argmax(row)
        if json {
            let probabilities = JSONObject(zip(labels, row).map { ($0, JSON($1)) })
            let line: JSON = [
                "label": .string(labels[best]), "probabilities": .object(probabilities), "text": .string(text),
            ]
            ui.print(line.compact())
        } else {
            ui.print("\(labels[best])\t\(Quantity.fixed(row[best], decimals: 4))\t\(text)")
        }
    }
}
