import ArgumentParser
import Base
import CommandKit
import DataKit
import Explainers
import Glibc
import ModelKit
import Reports

/// `git mlexplain evaluate [REV]`: how far explanations tell what the model does.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure how far explanations tell what the model does, method by method.",
        usage: "git mlexplain evaluate [<rev>] --method lime,ig (--data <rev:path> | …) [<options>]",
        discussion: """
            comprehensiveness  how much the probability falls without the top words (high is good)
            sufficiency        how much it falls with the top words alone (low is good)
            deletion           area while the top words go, one after the other (low is good)
            insertion          area while they come back (high is good)
            random             insertion for random orders: what a method must beat
            infidelity         squared error of the values as a forecast, best scale (low is good)
            sensitivity        largest relative change of the values when one word is removed (low is good)

            Areas are normalised: 0 is the probability without words, 1 that of the text.
            """)

    @Argument(help: ArgumentHelp("A revision with a model (default: HEAD).", valueName: "rev")) var revision: String?
    @OptionGroup var subjects: SubjectOptions
    @OptionGroup var model: ModelOptions
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Methods by commas: \(MethodOptions.names).", valueName: "names"))
    var method: [String] = []
    @Option(help: ArgumentHelp("Shortened texts for the sensitivity (default: 2; 0 leaves it out).", valueName: "n"))
    var variants = 2
    @OptionGroup var options: MethodOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: CommonOptions

    /// One method on one text; nil where a measure does not apply.
    private struct Measures: Sendable {
        var values: [Double?]
        var seconds: Double
        var attribution: Attribution
    }
    private static let names = [
        "comprehensiveness", "sufficiency", "deletion", "insertion", "random", "infidelity", "sensitivity",
    ]

    func run() throws {
        let ui = try UserInterface(common)
        _ = try output.parsed()
        let repository = try? DataRepository()
        let given = method.flatMap { $0.split(separator: ",").map(String.init) }
        // Names first: a misspelt one should not wait for the model.
        for name in given { _ = try options.explainer(name) }
        let loaded = try model.load(revision, repository, ui.progress)
        let standard =
            ["partition", "lime", "occlusion"] + (loaded.predictor is any DifferentiablePredictor ? ["ig"] : [])
        let methods = given.isEmpty ? standard : given
        let explainers = try methods.map { try options.explainer($0) }
        let texts = try subjects.read(loaded, repository, ui, standardRows: 20)
        let notes = try output.record ? ResultNotes(repository, loaded) : nil
        let target = options.explanationTarget
        let variants = variants
        var results: [[Measures]] = []
        try ExplanationRun(ui, "Measuring").forEach(texts) { subject in
            try explainers.map { try EvaluateCommand.measure($0, subject.text, loaded.predictor, target, variants) }
        } _: {
            results += $0
        }
        var table = Table(
            columns: [.init("Method")] + EvaluateCommand.names.map { .init($0.capitalized, .right) } + [
                .init("Time", .right)
            ])
        var entries: [JSON] = []
        for (place, explainer) in explainers.enumerated() {
            let own = results.map { $0[place] }
            let means = EvaluateCommand.names.indices.map { measure in mean(own.map { $0.values[measure] }) }
            let seconds = mean(own.map(\.seconds)) ?? 0
            table.rows.append(
                [.init(explainer.method)] + means.map { .init($0.map { Quantity.fixed($0, decimals: 3) } ?? "-") } + [
                    .init(Quantity.duration(seconds))
                ])
            entries.append(
                .object(
                    JSONObject(
                        [("method", .string(explainer.method))]
                            + zip(EvaluateCommand.names, means).map { ($0, $1.map { .number($0) } ?? .null) }
                            + [("seconds", .number(seconds))])))
        }
        let (agreement, pairs) = try agreement(explainers.map(\.method), results)
        let json: JSON = [
            "version": 1, "model": loaded.reference, "texts": JSON(texts.count), "methods": .array(entries),
            "agreement": .array(pairs),
        ]
        try output.write(
            title: "How good explanations of \(loaded.name) are",
            tables: explainers.count > 1 ? [table, agreement] : [table],
            remarks: [
                "means over \(Quantity.count(texts.count, "text")); see 'git mlexplain evaluate -h' for what is good"
            ],
            json: json, ui)
        if let notes {
            try notes.add(command: "evaluate", result: json)
            ui.status("Recorded on \(notes.commit)")
        }
    }

    private static func measure(
        _ explainer: any Explainer, _ text: String, _ predictor: any Predictor, _ target: ExplanationTarget,
        _ variants: Int
    ) throws -> Measures {
        let start = now()
        let attribution = try explainer.explain(text, predictor: predictor, target: target)
        let seconds = now() - start
        let evaluate = try Evaluate(attribution, predictor: predictor)
        let insertion = try evaluate.insertion()
        let sensitivity =
            try variants < 1
            ? nil
            : Evaluate.maxSensitivity(
                of: explainer, text, predictor: predictor, target: .label(attribution.target), variants: variants)
        return Measures(
            values: [
                try evaluate.comprehensiveness(), try evaluate.sufficiency(),
                try evaluate.deletion(randomOrders: 0).normalised, insertion.normalised, insertion.random,
                try evaluate.infidelity().scaled, sensitivity,
            ], seconds: seconds, attribution: attribution)
    }

    private func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap { $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// Rank correlation and shared top words of every pair of methods.
    private func agreement(_ methods: [String], _ results: [[Measures]]) throws -> (Table, [JSON]) {
        var table = Table(columns: [
            .init("Agreement"), .init("With"), .init("Spearman", .right), .init("Top 5", .right),
        ])
        var pairs: [JSON] = []
        for a in methods.indices {
            for b in methods.indices where b > a {
                let values = try results.map { try Agreement.aligned($0[a].attribution, $0[b].attribution) }
                let rank = mean(try values.map { try Agreement.spearman($0.a, $0.b) })
                let top = mean(try values.map { try Agreement.topOverlap($0.a, $0.b, count: 5) })
                table.rows.append([
                    .init(methods[a]), .init(methods[b]), .init(rank.map { Quantity.fixed($0, decimals: 2) } ?? "-"),
                    .init(top.map { Quantity.percentage($0, decimals: 0) } ?? "-"),
                ])
                pairs.append([
                    "a": .string(methods[a]), "b": .string(methods[b]),
                    "spearman": rank.map { .number($0) } ?? .null, "top5": top.map { .number($0) } ?? .null,
                ])
            }
        }
        return (table, pairs)
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

extension String {
    /// With a capital.
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
