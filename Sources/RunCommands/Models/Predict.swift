import ArgumentParser
import Base
import CommandKit
import DataKit
import Glibc
import ModelKit
import Reports
import TextModels

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Predict the labels of texts with a model of the work tree or of a revision.",
        discussion: """
            Texts come from a file (.tsv, .csv, .jsonl with a column 'text', or one a line) or from standard input.

            Examples:
              echo "A fine film." | git mlrun predict
              git mlrun predict HEAD~1 reviews.txt --json
              git mlrun predict --predictor 'python3 model.py' reviews.txt
            """)

    @Argument(help: ArgumentHelp("A revision, then a file.", valueName: "rev-or-file")) var arguments: [String] = []
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file.", valueName: "path")) var model: String?
    @Option(parsing: .unconditionalSingleValue, help: ArgumentHelp("A text, instead of a file.", valueName: "text"))
    var text: [String] = []
    @Option(help: ArgumentHelp("The column with the text.", valueName: "name")) var textColumn = "text"
    @Flag(help: "Print a line of JSON a text.") var json = false
    @OptionGroup var external: PredictorOptions
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
        let models = try external.loadOne(isModelNamed: !words.isEmpty || model != nil) {
            try ModelLoader.choose(words, path: model, data: repository, progress: ui.progress)
        }
        guard let loaded = models.first else { return }
        let predictor = loaded.predictor
        let isSeveral = (predictor as? TextModel)?.spec.predict.output == .sigmoid
        func answer(_ texts: [String]) throws {
            for (text, row) in zip(texts, try predictor.predict(texts)) {
                show(text, row, predictor.labels, isSeveral, ui)
            }
        }
        guard text.isEmpty, file == nil || file == "-" else {
            let texts =
                try text.isEmpty
                ? file.map {
                    try Dataset.texts(parsing: try Files.read($0), name: $0, textColumn: textColumn)
                } ?? [] : text
            // In stretches, so that a long file shows its first answers soon and needs little memory.
            for start in stride(from: 0, to: texts.count, by: 4096) {
                try answer(Array(texts[start..<min(start + 4096, texts.count)]))
            }
            return
        }
        try stream(answer)
    }

    /// Answers the lines of standard input as they come.
    private func stream(_ answer: ([String]) throws -> Void) throws {
        var pending: [UInt8] = []
        var count = 0
        func take(_ lines: [UInt8]) throws {
            let texts = try Dataset.texts(parsing: lines, name: "standard input", before: count)
            count += texts.count
            try answer(texts)
            // Whoever waits for an answer before the next text gets it.
            fflush(nil)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            // One read at a time: what is there is answered, more may be long in coming.
            let length = Glibc.read(0, &buffer, buffer.count)
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { throw Files.ioError("cannot read standard input") }
            if length == 0 { break }
            pending.append(contentsOf: buffer[..<length])
            guard let end = buffer[..<length].lastIndex(of: 10) else { continue }
            let kept = length - 1 - end
            try take(Array(pending.dropLast(kept)))
            pending = Array(pending.suffix(kept))
        }
        if !pending.isEmpty { try take(pending) }
    }

    private func show(_ text: String, _ row: [Double], _ labels: [String], _ isSeveral: Bool, _ ui: UserInterface) {
        let best = Evaluation.argmax(row)
        // A text with several labels has all that are more likely than not.
        let label =
            isSeveral
            ? labels.indices.filter { row[$0] >= 0.5 }.map { labels[$0] }.joined(separator: String(Targets.separator))
            : labels[best]
        if json {
            let probabilities = JSONObject(zip(labels, row).map { ($0, JSON($1)) })
            let line: JSON = [
                "label": .string(label), "probabilities": .object(probabilities), "text": .string(text),
            ]
            ui.print(line.compact())
        } else {
            ui.print("\(label)\t\(Quantity.fixed(row[best], decimals: 4))\t\(text)")
        }
    }
}
