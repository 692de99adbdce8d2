import Base
import CommandKit
import Ensembles
import Reports
import TextModels

/// A model's measures taken apart: by class, by length, and how sure they are.
struct EvaluationDetails {
    private let name: String
    private let labels: [String]
    private let evaluation: Evaluation
    /// Words from, below; texts; accuracy; log loss.
    private var lengths: [(from: Int, to: Int?, evaluation: Evaluation)] = []
    private let interval: BootstrapInterval

    init(
        _ name: String, _ evaluation: Evaluation, _ answers: [[Double]], _ truth: [Int], _ texts: [String],
        _ labels: [String]
    ) throws {
        self.name = name
        self.labels = labels
        self.evaluation = evaluation
        let words = try parallelMap(count: texts.count) { Tokeniser.words(of: texts[$0]).count }
        let edges = [0, 10, 20, 50, 100, 200, 500]
        for (index, edge) in edges.enumerated() {
            let next = index + 1 < edges.count ? edges[index + 1] : nil
            let range = edge..<(next ?? .max)
            let rows = words.indices.filter { range.contains(words[$0]) }
            if rows.isEmpty { continue }
            lengths.append(
                (edge, next, Evaluation(rows.map { answers[$0] }, rows.map { truth[$0] }, classes: labels.count)))
        }
        interval = try BootstrapInterval(answers, truth: truth)
    }

    func show(_ ui: UserInterface) {
        func fixed(_ value: Double) -> String { Quantity.fixed(value, decimals: 4) }
        ui.print("\n\(name)")
        ui.print(
            "Accuracy \(fixed(evaluation.accuracy)) [\(fixed(interval.accuracy.lower)), \(fixed(interval.accuracy.upper))], "
                + "log loss \(fixed(evaluation.logLoss)) [\(fixed(interval.logLoss.lower)), "
                + "\(fixed(interval.logLoss.upper))] (bootstrap, 95 %)\n")
        var classes = TableView(columns: [
            .text("Class"), .number("Precision"), .number("Recall"), .number("F1"), .number("Texts"),
        ])
        let means = [("macro", evaluation.macro), ("micro", evaluation.micro), ("weighted", evaluation.weighted)]
        for (title, scores) in labels.indices.map({ (labels[$0], evaluation.scores(of: $0)) }) + means {
            classes.rows.append(
                [
                    title, fixed(scores.precision), fixed(scores.recall), fixed(scores.f1),
                    Quantity.grouped(scores.support),
                ])
        }
        classes.show(.terminal, ui)
        ui.print("")
        var confusion = TableView(columns: [.text("True \\ predicted")] + labels.map { .number($0) })
        for (label, row) in zip(labels, evaluation.confusion) {
            confusion.rows.append([label] + row.map { Quantity.grouped($0) })
        }
        confusion.show(.terminal, ui)
        ui.print("")
        var table = TableView(columns: [.text("Words"), .number("Texts"), .number("Accuracy"), .number("Log loss")])
        for part in lengths {
            table.rows.append([
                part.to.map { "\(part.from) to \($0 - 1)" } ?? "\(part.from) and more",
                Quantity.grouped(part.evaluation.count), fixed(part.evaluation.accuracy),
                fixed(part.evaluation.logLoss),
            ])
        }
        table.show(.terminal, ui)
    }

    var json: JSON {
        func scores(_ scores: Evaluation.Scores) -> JSON {
            [
                "precision": JSON(scores.precision), "recall": JSON(scores.recall), "f1": JSON(scores.f1),
                "support": JSON(scores.support),
            ]
        }
        return [
            "labels": JSON(labels),
            "classes": .object(
                JSONObject(labels.indices.map { (labels[$0], scores(evaluation.scores(of: $0))) })),
            "confusion": .array(evaluation.confusion.map { .array($0.map { JSON($0) }) }),
            "lengths": .array(
                lengths.map {
                    [
                        "from": JSON($0.from), "to": $0.to.map { JSON($0) } ?? .null,
                        "texts": JSON($0.evaluation.count), "accuracy": JSON($0.evaluation.accuracy),
                        "log_loss": JSON($0.evaluation.logLoss),
                    ]
                }),
            "interval": [
                "accuracy": [JSON(interval.accuracy.lower), JSON(interval.accuracy.upper)],
                "log_loss": [JSON(interval.logLoss.lower), JSON(interval.logLoss.upper)],
            ],
        ]
    }
}
