import ArgumentParser
import Base
import CommandKit
import DataKit
import Ensembles
import ModelKit
import Reports
import RunKit
import TextModels

struct Ensemble: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build an ensemble of the models of several revisions.",
        discussion: """
            Nothing is checked out and nothing trained again. Weights are chosen on the dev data, the gain is measured on the
            test data; both are what the last member was trained with, in its own revision, unless given.

            Examples:
              git mlrun ensemble HEAD~1 HEAD
              git mlrun ensemble v1 v2:models/other --method average -o ensemble.json
            """)

    @Argument(help: ArgumentHelp("Revisions, or REV:PATH.", valueName: "member")) var members: [String]
    @Option(help: "average or weighted.") var method = "weighted"
    @Option(help: "How weights are searched: grid.") var search = "grid"
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Dev data: PATH or REV:PATH.", valueName: "file")) var dev:
        [String] = []
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Test data: PATH or REV:PATH.", valueName: "file")) var test:
        [String] = []
    @Option(
        name: [.customShort("o"), .long], help: ArgumentHelp("Write the ensemble to this JSON file.", valueName: "file")
    )
    var output: String?
    @Option(help: "Seed of the bootstrap.") var seed: UInt64 = 1
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        guard ["average", "weighted"].contains(method) else {
            throw MLError(.usage, "there is no method '\(method)'", hint: "known: average, weighted")
        }
        guard search == "grid" else { throw MLError(.usage, "there is no search '\(search)'", hint: "known: grid") }
        guard members.count >= 2 else { throw MLError(.usage, "an ensemble needs at least two members") }
        let session = try RunSession(common)
        let loader = ModelLoader(session.data, progress: session.ui.progress)
        let loaded = try members.enumerated().map { number, member in
            session.ui.progress.report("Loading models", completed: number, total: members.count, detail: member)
            return try loader.load(revision: member)
        }
        let ensemble = try EnsemblePredictor(loaded.map(\.predictor))
        let devData = try parts("dev", dev, loaded, ensemble.labels, session)
        let testData = try parts("test", test, loaded, ensemble.labels, session)
        let all = Part.joined(devData, name: "dev")
        let devProbabilities = try ensemble.memberProbabilities(all.texts)
        var weights = [Double](repeating: 1 / Double(members.count), count: members.count)
        var steps = 0
        if method == "weighted" {
            (weights, steps) = try GridSearch.weights(
                devProbabilities, truth: all.truth, classes: ensemble.labels.count)
        }
        let devLosses = devProbabilities.map { Evaluation($0, all.truth, classes: ensemble.labels.count).logLoss }
        let best = devLosses.indices.min { devLosses[$0] < devLosses[$1] } ?? 0
        var report = EnsembleReport(names: members, weights: weights, best: best)
        try report.measure(
            [Part.joined(testData, name: "test")] + (testData.count > 1 ? testData : []), ensemble, seed: seed)
        let document = EnsembleDocument(
            method: method, labels: ensemble.labels,
            members: zip(loaded, weights).map {
                EnsembleDocument.Member(commit: $0.commit?.id.hex, path: $0.path, weight: $1)
            },
            search: method == "weighted"
                ? ["kind": "grid", "steps": JSON(steps), "measure": "dev log loss", "texts": JSON(all.truth.count)]
                : .null)
        if let output {
            try Files.writeAtomically(document.json.pretty(), to: output)
            session.ui.status("Written to \(output)")
        }
        if json {
            session.ui.write(JSON.object(["version": 1, "ensemble": document.json, "results": report.json]).pretty())
        } else {
            report.show(session.ui)
        }
    }

    private func parts(
        _ kind: String, _ given: [String], _ loaded: [ModelLoader.Loaded], _ labels: [String], _ session: RunSession
    ) throws -> [Part] {
        guard let last = loaded.last else { return [] }
        let remembered = last.provenance["data"]
        let loader = DataLoader(data: session.data, provenance: last.provenance, progress: session.ui.progress)
        let places = given.isEmpty ? remembered?[kind]?.arrayValue?.compactMap(\.stringValue) ?? [] : given
        if places.isEmpty { throw MLError(.usage, "which \(kind) data?", hint: "name it: --\(kind) data/\(kind).tsv") }
        return try places.map { place in
            let set = try loader.dataset(place, at: given.isEmpty ? last.commit?.id.hex : nil)
            return Part(
                name: DataLoader.name(place), texts: set.texts,
                truth: try Evaluation.indices(of: set.labels, in: labels, name: place))
        }
    }
}

/// Some labelled texts with a name.
struct Part {
    var name: String
    var texts: [String]
    var truth: [Int]

    static func joined(_ parts: [Part], name: String) -> Part {
        Part(
            name: parts.count == 1 ? parts[0].name : name, texts: parts.flatMap(\.texts), truth: parts.flatMap(\.truth))
    }
}
