import ArgumentParser
import Base
import CommandKit
import Ensembles
import ModelKit
import Pipelines
import Reports
import Serving
import Tensors
import TextModels

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
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

            --ensemble trains several models, each in a folder of its own beside DIR/ensemble.json: bagging, kfold, snapshot,
            horizontal, boosting, or stacking of several --params. --teacher distils an ensemble, or any other model, into one.
            """)

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("The params file; several for stacking.", valueName: "file"))
    var params: [String] = ["params.yaml"]
    @Option(help: ArgumentHelp("The folder to write the model to.", valueName: "dir")) var out = "model"
    @Option(help: ArgumentHelp("How weights are stored: single, half or int8.", valueName: "kind")) var weights =
        "single"
    @Option(help: ArgumentHelp("Save the training here after each epoch, and go on from it.", valueName: "file"))
    var checkpoint: String?
    @Option(help: ArgumentHelp("Also save after every so many steps.", valueName: "n")) var checkpointEvery: Int?
    @Option(help: ArgumentHelp("Stop after so many steps, with a checkpoint.", valueName: "n")) var maxSteps: Int?
    @Option(help: ArgumentHelp("Write a line of JSON every training.log_every steps.", valueName: "file")) var log:
        String?
    @Option(
        help: ArgumentHelp("bagging, kfold, snapshot, horizontal, boosting or stacking.", valueName: "kind"))
    var ensemble: String?
    @Option(help: ArgumentHelp("Members of the ensemble; of stacking: parts of the data.", valueName: "n"))
    var members = 5
    @Option(help: ArgumentHelp("What stacking learns with: logistic, network or trees.", valueName: "kind"))
    var learner = "logistic"
    @Option(help: ArgumentHelp("Learn from the answers of this model: a revision or a path.", valueName: "model"))
    var teacher: String?
    @Option(help: ArgumentHelp("How much the teacher's answers count, the labels count the rest.", valueName: "share"))
    var teacherShare = 1.0
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
        guard params.count == 1 || ensemble == "stacking" else {
            throw MLError(.usage, "several params files are for '--ensemble stacking' only")
        }
        let specs = try params.map { try ModelParams($0) }
        guard let first = specs.first else { throw MLError(.usage, "which params file?") }
        let (spec, training, places) = (first.spec, first.training, first.places)
        var loader = DataLoader(data: nil, progress: ui.progress)
        loader.textColumn = places.textColumn
        loader.labelColumn = places.labelColumn
        loader.pairColumn = places.pairColumn
        let texts = try loader.dataset(places.train)
        let dev = try loader.dataset(places.dev)
        ui.status("Training on \(Quantity.count(texts.count, "text")), \(Quantity.count(dev.count, "text")) for dev")
        let start = monotonicSeconds()
        var options = TrainingOptions()
        options.checkpoint = checkpoint
        options.checkpointEvery = checkpointEvery
        options.maximumSteps = maxSteps
        var steps: StepLog?
        if let log { steps = try StepLog(log) }
        options.onStep = { try steps?.write($0) }
        var provenance: JSONObject = ["data": places.json]
        var lesson: Lesson?
        if let teacher {
            lesson = try Lesson(teacher, share: teacherShare, ui.progress)
            provenance["teacher"] = lesson?.json
        }
        let train = try lesson?.taught(texts, spec) ?? texts
        if let ensemble {
            guard checkpoint == nil else { throw MLError(.usage, "'--checkpoint' is for one model at a time") }
            let base = EnsembleTraining(
                spec, training, train: train, dev: dev, options: options, progress: ui.progress)
            let others = try specs.dropFirst().map { other in
                EnsembleTraining(
                    other.spec, other.training,
                    train: try lesson?.taught(texts, other.spec) ?? texts, dev: dev, options: options,
                    progress: ui.progress)
            }
            try TrainedEnsemble(kind: ensemble, members: members, learner: learner, provenance: provenance)
                .run([base] + others, to: out, precision: precision, ui)
            ui.print("Trained in \(Quantity.duration(monotonicSeconds() - start)), written to \(out)/ensemble.json")
            return
        }
        let model = try TextModel.train(
            spec, training, train: train, dev: dev, provenance: .object(provenance), progress: ui.progress,
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
