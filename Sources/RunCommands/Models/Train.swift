import ArgumentParser
import Base
import CommandKit
import ModelKit
import Pipelines
import Reports
import TextModels

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model as the params say.",
        discussion: """
            params.yaml:
              data: {train: [data/train.tsv], dev: [data/dev.tsv], test: [data/test.tsv]}
              model:
                embed: {layer: words, width: 64}
                encode: {layer: cnn, window: 3, width: 64}
                attend: context
                predict: softmax
              training: {epochs: 3, seed: 1}

            Layers: embed ngrams|words, encode none|cnn|bilstm, attend context|mean|max, predict softmax.
            Data files are .tsv, .csv or .jsonl with the columns 'text' and 'label' (or data.text, data.label).
            """)

    @Option(help: ArgumentHelp("The params file.", valueName: "file")) var params = "params.yaml"
    @Option(help: ArgumentHelp("The folder to write the model to.", valueName: "dir")) var out = "model"
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let document = try Params.load(Files.read(params), name: params)
        let spec = try ModelSpec(document["model"] ?? .null)
        let training = try TrainingSpec(document["training"] ?? .null)
        let places = try DataParams(document["data"] ?? .null, name: params)
        var loader = DataLoader(data: nil, progress: ui.progress)
        loader.textColumn = places.textColumn
        loader.labelColumn = places.labelColumn
        let train = try loader.dataset(places.train)
        let dev = try loader.dataset(places.dev)
        ui.status("Training on \(Quantity.count(train.count, "text")), \(Quantity.count(dev.count, "text")) for dev")
        let start = monotonicSeconds()
        let model = try TextModel.train(
            spec, training, train: train, dev: dev, provenance: ["data": places.json], progress: ui.progress)
        try model.save(to: out)
        for entry in model.history {
            let parts = entry.objectValue?.pairs.map { "\($0.key) \(TableView.spell($0.value))" } ?? []
            ui.print(parts.joined(separator: ", "))
        }
        ui.print("Trained in \(Quantity.duration(monotonicSeconds() - start)), written to \(out)")
    }
}

/// `data:` in the params: which files, and which columns.
struct DataParams {
    var train: [String]
    var dev: [String]
    var test: [String]
    var textColumn: String
    var labelColumn: String

    init(_ json: JSON, name: String) throws {
        func list(_ key: String) throws -> [String] {
            switch json[key] {
            case nil, .null?: return []
            case .string(let path)?: return [path]
            case .array(let items)?:
                let paths = items.compactMap(\.stringValue)
                if paths.count == items.count { return paths }
            default: break
            }
            throw MLError(.invalidInput, "'\(name)': 'data.\(key)' must be a path or a list of paths")
        }
        let known = ["train", "dev", "test", "text", "label"]
        for key in json.objectValue?.keys ?? [] where !known.contains(key) {
            throw MLError(
                .invalidInput, "'\(name)': unknown key 'data.\(key)'",
                hint: NearestName.find(key, in: known).map { "did you mean '\($0)'?" }
                    ?? "known here: \(known.joined(separator: ", "))")
        }
        train = try list("train")
        dev = try list("dev")
        test = try list("test")
        textColumn = json["text"]?.stringValue ?? "text"
        labelColumn = json["label"]?.stringValue ?? "label"
        if train.isEmpty {
            throw MLError(
                .invalidInput, "'\(name)' does not say where the training data is",
                hint: "data: {train: data/train.tsv}")
        }
        if dev.isEmpty {
            throw MLError(
                .invalidInput, "'\(name)' does not say where the dev data is", hint: "data: {dev: data/dev.tsv}")
        }
    }

    var json: JSON {
        [
            "train": JSON(train), "dev": JSON(dev), "test": JSON(test), "text": .string(textColumn),
            "label": .string(labelColumn),
        ]
    }
}
