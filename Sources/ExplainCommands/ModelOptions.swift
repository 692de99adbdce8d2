import ArgumentParser
import Base
import DataKit
import ModelKit

/// What predicts: a model of a revision or of the work tree, an ensemble, a program, a server.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A model's folder, inside the revision or in the work tree.", valueName: "path"))
    var model: String?
    @Option(help: ArgumentHelp("An ensemble's file.", valueName: "file")) var ensemble: String?
    @Option(
        help: ArgumentHelp(
            "A program that reads {\"id\", \"texts\"} a line and answers {\"id\", \"labels\", \"probabilities\"}.",
            valueName: "command"))
    var predictor: String?
    @Option(
        help: ArgumentHelp("A server of the Open Inference Protocol: http://host/v2/models/name.", valueName: "url"))
    var endpoint: String?
    @Option(help: ArgumentHelp("Seconds a program or server may take for a batch (default: 60).", valueName: "seconds"))
    var timeout: Double = 60
    @Option(help: ArgumentHelp("The labels of a program or server that does not say, by commas.", valueName: "labels"))
    var labels: String?

    var path: String? { ensemble ?? model }

    /// The model that the options and the revision mean.
    func load(
        _ revision: String?, _ repository: DataRepository?, _ progress: any ProgressReporter
    ) throws -> ModelLoader.Loaded {
        let given = [
            ("--model", model), ("--ensemble", ensemble), ("--predictor", predictor), ("--endpoint", endpoint),
        ]
        .filter { $0.1 != nil }.map(\.0)
        guard given.count <= 1 else {
            throw MLError(.usage, "\(given.joined(separator: " and ")) cannot be used together")
        }
        let names = labels.map { $0.split(separator: ",").map(String.init) }
        if let predictor {
            return .init(
                predictor: try CommandPredictor(predictor, timeout: timeout, labels: names), name: predictor,
                path: predictor)
        }
        if let endpoint {
            let model = try EndpointPredictor(endpoint, timeout: timeout, labels: names)
            return .init(predictor: model, name: endpoint, path: endpoint)
        }
        let found = try ModelLoader.choose(
            revision.map { [$0] } ?? [], path: path, data: repository, progress: progress)
        guard let loaded = found.first else { throw MLError(.notFound, "there is no model") }
        return loaded
    }
}

extension ModelLoader.Loaded {
    /// What names the model in JSON: a commit and path, a path, a command.
    var reference: JSON { .string(commit.map { "\($0.id.hex):\(path)" } ?? path) }
}
