import ArgumentParser
import Base
import CommandKit
import ModelKit
import Pipelines
import Reports
import Serving
import Tensors
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

            Layers: embed ngrams|words|subwords|multihash|hashed|pretrained, encode none|cnn|convolutions|maxout|bilstm|
            bigru|transformer, attend mean|max|last|context|heads|hierarchical|align, predict softmax|sigmoid|regression.
            With 'sigmoid' a text has several labels, separated by '|'; data.pair names the column of a second text.
            Data files are .tsv, .csv or .jsonl with the columns 'text' and 'label' (or data.text, data.label).
            """)

    @Option(help: ArgumentHelp("The params file.", valueName: "file")) var params = "params.yaml"
    @Option(help: ArgumentHelp("The folder to write the model to.", valueName: "dir")) var out = "model"
    @Option(help: ArgumentHelp("How weights are stored: single, half or int8.", valueName: "kind")) var weights =
        "single"
    @Option(help: ArgumentHelp("Save the training here after each epoch, and go on from it.", valueName: "file"))
    var checkpoint: String?
    @Option(help: ArgumentHelp("Also save after every so many steps.", valueName: "n")) var checkpointEvery: Int?
    @Option(help: ArgumentHelp("Stop after so many steps, with a checkpoint.", valueName: "n")) var maxSteps: Int?
    @Option(help: ArgumentHelp("Write a line of JSON every training.log_every steps.", valueName: "file")) var log:
        String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        guard let precision = SafeTensors.Precision(rawValue: weights) else {
            throw MLError(
                .usage, "weights cannot be stored as '\(weights)'",
                hint: "known: \(SafeTensors.Precision.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        for (name, value) in [("--checkpoint-every", checkpointEvery), ("--max-steps", maxSteps)] {
            if let value, value < 1 { throw MLError(.usage, "'\(name)' must be at least 1") }
        }
        if checkpoint == nil, checkpointEvery != nil || maxSteps != nil {
            throw MLError(.usage, "where should the checkpoint go?", hint: "name it: --checkpoint FILE")
        }
        let document = try Params.load(Files.read(params), name: params)
        let spec = try ModelSpec(document["model"] ?? .null)
        let training = try TrainingSpec(document["training"] ?? .null)
        let places = try DataParams(document["data"] ?? .null, name: params)
        var loader = DataLoader(data: nil, progress: ui.progress)
        loader.textColumn = places.textColumn
        loader.labelColumn = places.labelColumn
        loader.pairColumn = places.pairColumn
        let train = try loader.dataset(places.train)
        let dev = try loader.dataset(places.dev)
        ui.status("Training on \(Quantity.count(train.count, "text")), \(Quantity.count(dev.count, "text")) for dev")
        let start = monotonicSeconds()
        var options = TrainingOptions()
        options.checkpoint = checkpoint
        options.checkpointEvery = checkpointEvery
        options.maximumSteps = maxSteps
        var steps: StepLog?
        if let log { steps = try StepLog(log) }
        options.onStep = { try steps?.write($0) }
        let model = try TextModel.train(
            spec, training, train: train, dev: dev, provenance: ["data": places.json], progress: ui.progress,
            options: options)
        try model.save(to: out, precision: precision)
        let reference = ReferenceDistribution(
            texts: dev.texts, rows: try model.predict(dev.texts), labels: model.labels, words: model.words)
        try Files.writeAtomically(reference.json.pretty(), to: out + "/" + ReferenceDistribution.fileName)
        if precision != .single, spec.predict.output == .softmax { try reportLoss(model, dev, ui) }
        for entry in model.history {
            let parts = entry.objectValue?.pairs.map { "\($0.key) \(TableView.spell($0.value))" } ?? []
            ui.print(parts.joined(separator: ", "))
        }
        ui.print("Trained in \(Quantity.duration(monotonicSeconds() - start)), written to \(out)")
    }
}

extension Train {
    /// What storing weights in fewer bits costs on dev.
    private func reportLoss(_ model: TextModel, _ dev: Dataset, _ ui: UserInterface) throws {
        let stored = try TextModel { try Files.read(out + "/" + $0) }
        let truth = try Evaluation.indices(of: dev.labels, in: model.labels, name: "dev data")
        let before = Evaluation(try model.predict(dev.texts), truth, classes: model.labels.count)
        let after = Evaluation(try stored.predict(dev.texts), truth, classes: model.labels.count)
        ui.print(
            "Stored as \(weights): dev log loss \(Quantity.fixed(before.logLoss, decimals: 5)) -> "
                + "\(Quantity.fixed(after.logLoss, decimals: 5)), dev accuracy "
                + "\(Quantity.fixed(before.accuracy, decimals: 4)) -> \(Quantity.fixed(after.accuracy, decimals: 4))")
    }
}

/// Lines of JSON that are written as they come, so that a running training can be watched.
struct StepLog {
    private let file: FileHandle

    init(_ path: String) throws {
        try? Files.remove(path)
        file = try FileHandle(creating: path)
    }

    func write(_ line: JSON) throws { try file.writeAll(line.compact() + "\n") }
}

/// `data:` in the params: which files, and which columns.
struct DataParams {
    var train: [String]
    var dev: [String]
    var test: [String]
    var textColumn: String
    var labelColumn: String
    /// The column of the second text of a pair.
    var pairColumn: String?

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
        let known = ["train", "dev", "test", "text", "label", "pair"]
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
        pairColumn = json["pair"]?.stringValue
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
        var out: JSONObject = [
            "train": JSON(train), "dev": JSON(dev), "test": JSON(test), "text": .string(textColumn),
            "label": .string(labelColumn),
        ]
        if let pairColumn { out["pair"] = .string(pairColumn) }
        return .object(out)
    }
}
