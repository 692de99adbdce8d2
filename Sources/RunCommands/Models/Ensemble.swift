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
        commandName: "ensemble",
        abstract: "Build an ensemble of the models of several revisions.",
        discussion: """
            Nothing is checked out and nothing trained again. Weights are chosen on the dev data, the gain is measured on the
            test data; both are what the last member was trained with, in its own revision, unless given.

            Examples:
              git mlrun ensemble HEAD~1 HEAD
              git mlrun ensemble v1 v2:models/other --method average -o ensemble.json
              git mlrun ensemble v1 v2 HEAD predictions.jsonl --method stacking

            Methods: average, weighted (weights by --search), vote, greedy (members picked one by one, Caruana et al. 2004),
            stacking (a --learner on the members' answers, out of fold). A member is a revision, REV:PATH, a model's folder,
            an ensemble's file, or predictions as 'git mlrun predict --json' writes them (.jsonl).
            """)

    @Argument(help: ArgumentHelp("Revisions, or REV:PATH.", valueName: "member")) var members: [String] = []
    @Option(help: "average, weighted, vote, greedy or stacking.") var method = "weighted"
    @Option(help: "How weights are searched: grid, ga, pso, nelder-mead or exact.") var search = "grid"
    @Option(help: "What learns from the members: logistic, network or trees.") var learner = "logistic"
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Dev data: PATH or REV:PATH.", valueName: "file")) var dev:
        [String] = []
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Test data: PATH or REV:PATH.", valueName: "file")) var test:
        [String] = []
    @Option(
        name: [.customShort("o"), .long], help: ArgumentHelp("Write the ensemble to this JSON file.", valueName: "file")
    )
    var output: String?
    @Option(help: "Seed of searches, folds and the bootstrap.") var seed: UInt64 = 1
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var external: PredictorOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        guard EnsembleDocument.methods.contains(method) else {
            throw MLError(
                .usage, "there is no method '\(method)'",
                hint: "known: \(EnsembleDocument.methods.joined(separator: ", "))")
        }
        guard let search = WeightSearch(rawValue: search) else {
            throw MLError(
                .usage, "there is no search '\(search)'",
                hint: "known: \(WeightSearch.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let learner = Stacking.Learner(rawValue: learner) else {
            throw MLError(
                .usage, "there is no learner '\(learner)'",
                hint: "known: \(Stacking.Learner.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard members.count + external.predictor.count + external.endpoint.count >= 2 else {
            throw MLError(.usage, "an ensemble needs at least two members")
        }
        let session = try RunSession(common)
        let loader = ModelLoader(session.data, progress: session.ui.progress)
        var loaded: [ModelLoader.Loaded] = []
        for (number, member) in members.enumerated() {
            session.ui.progress.report("Loading models", completed: number, total: members.count, detail: member)
            var model = try loader.loadAny(member)
            model.name = member
            loaded.append(model)
        }
        loaded += try external.load()
        let ensemble = try EnsemblePredictor(loaded.map(\.predictor))
        let devData = try parts("dev", dev, loaded, ensemble.labels, session)
        let testData = try parts("test", test, loaded, ensemble.labels, session)
        let all = Part.joined(devData, name: "dev")
        let devProbabilities = try ensemble.memberProbabilities(all.texts)
        let classes = ensemble.labels.count
        var weights = [Double](repeating: 1 / Double(loaded.count), count: loaded.count)
        var note = JSON.null
        var meta = JSON.null
        var combination = Combination.mean(weights)
        switch method {
        case "weighted":
            (weights, note) = try search.weights(devProbabilities, truth: all.truth, classes: classes, seed: seed)
            combination = .mean(weights)
        case "greedy":
            weights = try GreedySelection.weights(devProbabilities, truth: all.truth)
            note = ["kind": "greedy", "measure": "dev log loss", "texts": JSON(all.truth.count)]
            combination = .mean(weights)
        case "vote": combination = .vote(weights)
        case "stacking":
            let fitted = try Stacking.fit(
                devProbabilities, truth: all.truth, classes: classes, learner: learner, seed: seed)
            (note, meta) = (fitted.note, fitted.model.json)
            combination = .stacking(fitted.model)
        default: break
        }
        let devLosses = devProbabilities.map { Evaluation($0, all.truth, classes: ensemble.labels.count).logLoss }
        let best = devLosses.indices.min { devLosses[$0] < devLosses[$1] } ?? 0
        var report = EnsembleReport(names: loaded.map(\.name), weights: weights, best: best, combination: combination)
        try report.measure(
            [Part.joined(testData, name: "test")] + (testData.count > 1 ? testData : []), ensemble, seed: seed)
        let document = EnsembleDocument(
            method: method, labels: ensemble.labels,
            members: zip(loaded, weights).map {
                EnsembleDocument.Member(commit: $0.commit?.id.hex, path: $0.path, weight: $1, kind: $0.kind)
            },
            search: note, meta: meta)
        let diversity = Diversity(devProbabilities, truth: all.truth)
        if let output {
            try Files.writeAtomically(document.json.pretty(), to: output)
            session.ui.status("Written to \(output)")
        }
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "ensemble": document.json, "results": report.json, "diversity": diversity.json,
                ]).pretty())
        } else {
            report.show(session.ui)
            session.ui.print(
                "Members differ on \(Quantity.fixed(diversity.mean(\.disagreement) * 100, decimals: 1)) % of the dev texts, "
                    + "their errors correlate by \(Quantity.fixed(diversity.mean(\.errorCorrelation), decimals: 2)) (means over pairs)"
            )
        }
    }

    private func parts(
        _ kind: String, _ given: [String], _ loaded: [ModelLoader.Loaded], _ labels: [String], _ session: RunSession
    ) throws -> [Part] {
        guard let last = loaded.last(where: { $0.provenance["data"] != nil }) ?? loaded.last else { return [] }
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
