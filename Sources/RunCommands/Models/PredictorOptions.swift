import ArgumentParser
import Base
import ModelKit

/// Programs and servers in a model's place.
struct PredictorOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A program that reads {\"id\", \"texts\"} a line and answers {\"id\", \"labels\", \"probabilities\"}.",
            valueName: "command"))
    var predictor: [String] = []
    @Option(
        help: ArgumentHelp("A server of the Open Inference Protocol: http://host/v2/models/name.", valueName: "url"))
    var endpoint: [String] = []
    @Option(help: ArgumentHelp("Seconds a program or server may take for a batch (default: 60).", valueName: "seconds"))
    var timeout: Double = 60
    @Option(help: ArgumentHelp("The labels of a program or server that does not say, by commas.", valueName: "labels"))
    var labels: String?

    var isEmpty: Bool { predictor.isEmpty && endpoint.isEmpty }

    /// All of them, programs first.
    func load() throws -> [ModelLoader.Loaded] {
        let names = labels.map { $0.split(separator: ",").map(String.init) }
        return try predictor.map {
            ModelLoader.Loaded(
                predictor: try CommandPredictor($0, timeout: timeout, labels: names), name: $0, path: $0,
                kind: .command)
        }
            + endpoint.map {
                ModelLoader.Loaded(
                    predictor: try EndpointPredictor($0, timeout: timeout, labels: names), name: $0, path: $0,
                    kind: .endpoint)
            }
    }

    /// The one model that is meant: a program or a server, or else what `choose` finds.
    ///
    /// - Parameter isModelNamed: a revision or `--model` was given besides.
    func loadOne(isModelNamed: Bool, _ choose: () throws -> [ModelLoader.Loaded]) throws -> [ModelLoader.Loaded] {
        if isEmpty { return try choose() }
        guard !isModelNamed, predictor.count + endpoint.count == 1 else {
            throw MLError(.usage, "a revision, '--model', '--predictor' and '--endpoint' exclude each other")
        }
        return try load()
    }
}
