import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports

/// `git mlexplain diff A B`: the same texts, masks and baseline before two models.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show which words gained and lost between two models, and what flipped why.",
        usage: "git mlexplain diff <rev> <rev> (--text <text> | --file <file> | --data <rev:path>) [<options>]")

    @Argument(help: ArgumentHelp("The revision before: REV or REV:PATH.", valueName: "rev")) var before: String
    @Argument(help: ArgumentHelp("The revision after (default: HEAD).", valueName: "rev")) var after = "HEAD"
    @OptionGroup var subjects: SubjectOptions
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file, inside both revisions.", valueName: "path"))
    var model: String?
    @Option(help: ArgumentHelp("\(MethodOptions.names).", valueName: "name")) var method = "partition"
    @Option(help: ArgumentHelp("How many words and texts are listed (default: 20).", valueName: "n")) var top = 20
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    /// A text before both models.
    struct Pair: Sendable {
        var subject: Subject
        var before: Attribution
        var after: Attribution
        var difference: AttributionDifference
        var isFlipped: Bool { before.predictedLabel != after.predictedLabel }
    }

    func run() throws {
        let ui = try UserInterface(common)
        _ = try output.parsed()
        let explainer = try options.explainer(method)
        let repository = try DataRepository()
        let loader = ModelLoader(repository, progress: ui.progress)
        let (a, b) = (try loader.load(revision: before, path: model), try loader.load(revision: after, path: model))
        let texts = try subjects.read(b, repository, ui, standardRows: 200)
        let notes = try output.record ? ResultNotes(repository, b) : nil
        let target = options.explanationTarget
        var pairs: [Pair] = []
        try ExplanationRun(ui, "Comparing").forEach(texts) { subject -> Pair in
            // The class the newer model chooses, asked of both.
            let new = try explainer.explain(subject.text, predictor: b.predictor, target: target)
            let old = try explainer.explain(subject.text, predictor: a.predictor, target: .label(new.target))
            return Pair(
                subject: subject, before: old, after: new, difference: try AttributionDifference(old, new))
        } _: {
            pairs += $0
        }
        let json = json(pairs, a, b)
        let flipped = pairs.filter(\.isFlipped)
        var remarks = ["\(Quantity.count(pairs.count, "text")), \(flipped.count) with another prediction"]
        remarks.append("change of the answer = change without words + sum of the words' changes")
        let tables = pairs.count == 1 ? [summary(pairs), words(pairs[0])] : [summary(pairs), overall(pairs)]
        try output.write(
            title: "What changed between \(a.name) and \(b.name)", tables: tables, remarks: remarks, json: json, ui)
        if let notes {
            try notes.add(command: "diff", result: json)
            ui.status("Recorded on \(notes.commit)")
        }
    }

    /// Flipped texts first, then those whose answer moved most.
    private func summary(_ pairs: [Pair]) -> Table {
        var table = Table(columns: [
            .init("Text"), .init("True"), .init("Before"), .init("After"), .init("Label"), .init("No words", .right),
            .init("Words", .right), .init("Why"),
        ])
        let sorted = pairs.enumerated().sorted { a, b in
            if a.element.isFlipped != b.element.isFlipped { return a.element.isFlipped }
            return (abs(b.element.difference.sum), a.offset) < (abs(a.element.difference.sum), b.offset)
        }
        for (_, pair) in sorted.prefix(max(1, top)) {
            let why = pair.difference.largest.prefix(3).filter { abs($0.change) >= 0.005 }
            let text = pair.subject.row.map { "\($0): " } ?? ""
            table.rows.append([
                .init(TextWidth.truncate(text + pair.subject.text, to: 40), full: text + pair.subject.text),
                .init(pair.subject.trueLabel ?? "-"),
                .init(DiffCommand.answer(pair.before)),
                .init(DiffCommand.answer(pair.after), style: pair.isFlipped ? .bold : .plain),
                .init(pair.after.target), .init(Signed(pair.difference.baseChange).description),
                .init(Signed(pair.difference.sum).description),
                .init(
                    why.map { "\($0.text) \(Signed($0.change))" }.joined(separator: ", "),
                    words: why.map { ($0.text, $0.change) }),
            ])
        }
        return table
    }

    /// The words of one text.
    private func words(_ pair: Pair) -> Table {
        var table = Table(columns: [
            .init("Word"), .init("Before", .right), .init("After", .right), .init("Change", .right),
        ])
        for word in pair.difference.largest.prefix(max(1, top)) {
            table.rows.append([
                .init(word.text), .init(Signed(word.before).description), .init(Signed(word.after).description),
                .init(Signed(word.change).description),
            ])
        }
        return table
    }

    /// The words over all texts, label by label: what each gained or lost where it stands.
    private func overall(_ pairs: [Pair]) -> Table {
        struct Key: Hashable {
            var word: String
            var label: String
        }
        var sums: [Key: (texts: Int, change: Double)] = [:]
        for pair in pairs {
            var own: [Key: Double] = [:]
            for word in pair.difference.words {
                own[Key(word: word.text.lowercased(), label: pair.after.target), default: 0] += word.change
            }
            for (key, change) in own {
                sums[key, default: (0, 0)].texts += 1
                sums[key, default: (0, 0)].change += change
            }
        }
        var table = Table(columns: [
            .init("Word"), .init("Label"), .init("Texts", .right), .init("Mean change", .right), .init("Sum", .right),
        ])
        let sorted = sums.sorted { a, b in
            (abs(b.value.change), a.key.word, a.key.label) < (abs(a.value.change), b.key.word, b.key.label)
        }
        for (key, entry) in sorted.prefix(max(1, top)) {
            table.rows.append([
                .init(key.word), .init(key.label), .init(Quantity.grouped(entry.texts)),
                .init(Signed(entry.change / Double(entry.texts)).description), .init(Signed(entry.change).description),
            ])
        }
        return table
    }

    private static func answer(_ attribution: Attribution) -> String {
        "\(attribution.predictedLabel) (\(Quantity.fixed(attribution.probability, decimals: 2)))"
    }

    private func json(_ pairs: [Pair], _ a: ModelLoader.Loaded, _ b: ModelLoader.Loaded) -> JSON {
        let items = pairs.map { pair -> JSON in
            [
                "text": .string(pair.subject.text), "row": pair.subject.row.map { JSON($0) } ?? .null,
                "true_label": pair.subject.trueLabel.map { .string($0) } ?? .null,
                "target": .string(pair.after.target), "method": .string(pair.after.method),
                "parameters": .object(pair.after.parameters), "flipped": .bool(pair.isFlipped),
                "before": [
                    "label": .string(pair.before.predictedLabel), "probability": .number(pair.before.probability),
                    "base": .number(pair.before.base), "sum": .number(pair.before.sum),
                ],
                "after": [
                    "label": .string(pair.after.predictedLabel), "probability": .number(pair.after.probability),
                    "base": .number(pair.after.base), "sum": .number(pair.after.sum),
                ],
                "base_change": .number(pair.difference.baseChange), "sum_change": .number(pair.difference.sum),
                "words": .array(
                    pair.difference.words.map { word in
                        [
                            "text": .string(word.text), "start": JSON(word.occurrences.first?.lowerBound ?? 0),
                            "end": JSON(word.occurrences.first?.upperBound ?? 0), "before": .number(word.before),
                            "after": .number(word.after), "change": .number(word.change),
                        ]
                    }),
            ]
        }
        return [
            "version": 1, "before": a.reference, "after": b.reference, "texts": JSON(pairs.count),
            "flipped": JSON(pairs.filter(\.isFlipped).count), "items": .array(items),
        ]
    }
}

/// "+0.31", "-0.02", "0.00".
struct Signed: CustomStringConvertible {
    private let value: Double
    init(_ value: Double) { self.value = value }
    var description: String {
        let text = Quantity.fixed(value, decimals: 2)
        return value > 0 && text != "0.00" ? "+" + text : text
    }
}
