import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports

/// `git mlexplain log TEXT`: one text through the history of a model.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Show how the answer to one text changed from commit to commit.",
        usage: "git mlexplain log <text> [<range>] [<options>]")

    @Argument(help: ArgumentHelp("The text.", valueName: "text")) var text: String
    @Argument(help: ArgumentHelp("A revision or range of them (default: HEAD).", valueName: "range")) var range = "HEAD"
    @Option(
        name: [.customShort("n"), .customLong("max-count")],
        help: ArgumentHelp("At most so many versions.", valueName: "n"))
    var limit: Int?
    @Option(help: ArgumentHelp("The model's folder or the ensemble's file.", valueName: "path")) var model: String?
    @Option(help: ArgumentHelp("\(MethodOptions.names).", valueName: "name")) var method = "partition"
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        _ = try output.parsed()
        let explainer = try options.explainer(method)
        let repository = try DataRepository()
        let loader = ModelLoader(repository, progress: ui.progress)
        let versions = try loader.versions(range, path: model)
        guard let newest = versions.first else {
            throw MLError(
                .notFound, "no commit of '\(range)' has a model",
                hint: "train one with 'git mlrun train', and commit it")
        }
        // All versions speak for one class: that of the newest.
        let first = try loader.load(revision: newest.commit.id.hex, path: newest.path)
        let notes = try output.record ? ResultNotes(repository, first) : nil
        let target = try explainer.explain(text, predictor: first.predictor, target: options.explanationTarget).target
        var table = Table(columns: [
            .init("Commit"), .init("Predicted"), .init("P(\(target))", .right), .init("Words"), .init("Subject"),
        ])
        var items: [JSON] = []
        for version in versions.prefix(limit.map { max(1, $0) } ?? versions.count) {
            ui.progress.report("Explaining", completed: items.count, total: versions.count, detail: "")
            let loaded = try loader.load(revision: version.commit.id.hex, path: version.path)
            let attribution = try explainer.explain(text, predictor: loaded.predictor, target: .label(target))
            let own = try loaded.predictor.predict([text]).first ?? []
            let probability = loaded.predictor.labels.firstIndex(of: target).flatMap {
                own.indices.contains($0) ? own[$0] : nil
            }
            let words = attribution.words.enumerated().sorted {
                (abs($1.element.value), $0.offset) < (abs($0.element.value), $1.offset)
            }.prefix(4).map(\.element).filter { abs($0.value) >= 0.005 }
            table.rows.append([
                .init(String(version.commit.id.hex.prefix(7))), .init(attribution.predictedLabel),
                .init(probability.map { Quantity.fixed($0, decimals: 2) } ?? "-"),
                .init(
                    words.map { "\($0.text) \(Signed($0.value))" }.joined(separator: ", "),
                    words: words.map { ($0.text, $0.value) }),
                .init(TextWidth.truncate(version.commit.subject, to: 40)),
            ])
            guard case .object(var item) = attribution.json(model: loaded.reference) else { continue }
            item["commit"] = .string(version.commit.id.hex)
            item["subject"] = .string(version.commit.subject)
            item["probability"] = probability.map { .number($0) } ?? .null
            items.append(.object(item))
        }
        let json: JSON = [
            "version": 1, "text": .string(text), "target": .string(target), "items": .array(items),
        ]
        try output.write(
            title: "One text through history: \(TextWidth.truncate(text, to: 60))",
            tables: [table], json: json, ui)
        if let notes {
            try notes.add(command: "log", result: json)
            ui.status("Recorded on \(notes.commit)")
        }
    }
}
