import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import ModelKit
import Reports

/// `git mlexplain bias [REV] --swap he=she,…`: how predictions move when words are exchanged.
struct BiasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bias", abstract: "Show how predictions move when words are exchanged for others.",
        usage: "git mlexplain bias [<rev>] --swap he=she,actor=actress (--data <rev:path> | …) [<options>]")

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Pairs of words, by commas; repeat for more.", valueName: "a=b"))
    var swap: [String] = []
    @OptionGroup var subjects: SubjectOptions
    @OptionGroup var model: ModelOptions
    @Option(help: ArgumentHelp("The label whose probability is watched (default: the last one).", valueName: "label"))
    var target: String?
    @Option(help: ArgumentHelp("How many texts are listed (default: 10).", valueName: "n")) var top = 10
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    /// A text in both versions.
    private struct Case: Sendable {
        var swap: WordSwap
        var subject: Subject
        var first: (label: String, probability: Double)
        var second: (label: String, probability: Double)
        var change: Double { second.probability - first.probability }
        var isFlipped: Bool { first.label != second.label }
    }

    func run() throws {
        let ui = try UserInterface(common)
        _ = try output.parsed()
        let swaps = try swap.flatMap { try WordSwap.parse($0) }
        guard !swaps.isEmpty else { throw MLError(.usage, "which words?", hint: "give --swap he=she,actor=actress") }
        let repository = try? DataRepository()
        let loaded = try model.load(revision, repository, ui.progress)
        let labels = loaded.predictor.labels
        let name = target ?? labels[labels.count - 1]
        guard let index = labels.firstIndex(of: name) else {
            throw MLError(
                .notFound, "the model has no label '\(name)'", hint: "the labels are \(labels.joined(separator: ", "))")
        }
        let texts = try subjects.read(loaded, repository, ui, standardRows: .max)
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        var cases: [Case] = []
        for start in stride(from: 0, to: texts.count, by: 128) {
            ui.progress.report("Swapping", completed: start, total: texts.count, detail: "")
            let found = texts[start..<min(start + 128, texts.count)].flatMap { subject in
                swaps.compactMap { swap in swap.versions(of: subject.text).map { (swap, subject, $0) } }
            }
            let rows = try loaded.predictor.predict(found.flatMap { [$0.2.first, $0.2.second] })
            for (place, entry) in found.enumerated() {
                func answer(_ row: [Double]) -> (label: String, probability: Double) {
                    (labels[row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }], row[index])
                }
                cases.append(
                    Case(
                        swap: entry.0, subject: entry.1, first: answer(rows[2 * place]),
                        second: answer(rows[2 * place + 1])))
            }
        }
        let json = json(swaps, cases, texts.count, name, loaded)
        try output.write(
            title: "How \(loaded.name) decides when words are exchanged",
            tables: cases.isEmpty
                ? [summary(swaps, cases, name)] : [summary(swaps, cases, name), largest(cases, name)],
            remarks: [
                "\(Quantity.count(texts.count, "text")); a change is P(\(name)) with the second word less that with the first"
            ], json: json, ui)
        if let notes {
            try notes.add(command: "bias", result: json)
            ui.status("Recorded on \(notes.commit)")
        }
    }

    /// Mean and standard error of the changes.
    private static func moments(_ cases: [Case]) -> (mean: Double, error: Double?) {
        let count = Double(cases.count)
        guard count > 0 else { return (0, nil) }
        let mean = cases.reduce(0) { $0 + $1.change } / count
        guard count > 1 else { return (mean, nil) }
        let squares = cases.reduce(0) { $0 + ($1.change - mean) * ($1.change - mean) }
        return (mean, (squares / (count - 1) / count).squareRoot())
    }

    private func summary(_ swaps: [WordSwap], _ cases: [Case], _ label: String) -> Table {
        var table = Table(columns: [
            .init("Swap"), .init("Texts", .right), .init("Mean change of P(\(label))", .right), .init("±", .right),
            .init("Flipped", .right),
        ])
        for swap in swaps {
            let own = cases.filter { $0.swap == swap }
            let moments = BiasCommand.moments(own)
            table.rows.append([
                .init("\(swap.first)=\(swap.second)"), .init(Quantity.grouped(own.count)),
                .init(own.isEmpty ? "-" : BiasCommand.signed(moments.mean)),
                .init(moments.error.map { Quantity.fixed($0, decimals: 4) } ?? "-"),
                .init(Quantity.grouped(own.filter(\.isFlipped).count)),
            ])
        }
        return table
    }

    private func largest(_ cases: [Case], _ label: String) -> Table {
        var table = Table(columns: [
            .init("Text"), .init("Swap"), .init("With first", .right), .init("With second", .right),
            .init("Change", .right), .init("Flipped"),
        ])
        let sorted = cases.enumerated().sorted {
            (abs($1.element.change), $0.offset) < (abs($0.element.change), $1.offset)
        }
        for (_, item) in sorted.prefix(max(1, top)) {
            let row = item.subject.row.map { "\($0): " } ?? ""
            table.rows.append([
                .init(TextWidth.truncate(row + item.subject.text, to: 44), full: row + item.subject.text),
                .init("\(item.swap.first)=\(item.swap.second)"),
                .init(Quantity.fixed(item.first.probability, decimals: 4)),
                .init(Quantity.fixed(item.second.probability, decimals: 4)), .init(BiasCommand.signed(item.change)),
                .init(item.isFlipped ? "\(item.first.label) → \(item.second.label)" : ""),
            ])
        }
        return table
    }

    private static func signed(_ value: Double) -> String {
        (value > 0 ? "+" : "") + Quantity.fixed(value, decimals: 4)
    }

    private func json(
        _ swaps: [WordSwap], _ cases: [Case], _ texts: Int, _ label: String, _ loaded: ModelLoader.Loaded
    ) -> JSON {
        let entries = swaps.map { swap -> JSON in
            let own = cases.filter { $0.swap == swap }
            let moments = BiasCommand.moments(own)
            return [
                "first": .string(swap.first), "second": .string(swap.second), "texts": JSON(own.count),
                "mean_change": own.isEmpty ? .null : .number(moments.mean),
                "stderr": moments.error.map { .number($0) } ?? .null, "flipped": JSON(own.filter(\.isFlipped).count),
            ]
        }
        let items = cases.map { item -> JSON in
            [
                "text": .string(item.subject.text), "row": item.subject.row.map { JSON($0) } ?? .null,
                "swap": .string("\(item.swap.first)=\(item.swap.second)"),
                "first": ["label": .string(item.first.label), "probability": .number(item.first.probability)],
                "second": ["label": .string(item.second.label), "probability": .number(item.second.probability)],
                "change": .number(item.change), "flipped": .bool(item.isFlipped),
            ]
        }
        return [
            "version": 1, "model": loaded.reference, "target": .string(label), "texts": JSON(texts),
            "swaps": .array(entries), "items": .array(items),
        ]
    }
}
