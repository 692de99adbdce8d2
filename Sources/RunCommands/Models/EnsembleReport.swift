import Base
import CommandKit
import Ensembles
import Reports
import TextModels

/// What each member and the ensemble come to on test data, and how sure the gain is.
struct EnsembleReport {
    struct Result {
        var part: String
        var texts: Int
        var members: [Evaluation]
        var ensemble: Evaluation
        /// Against the member that is best on the dev data.
        var gain: PairedBootstrap
    }

    let names: [String]
    let weights: [Double]
    let best: Int
    let combination: Combination
    private(set) var results: [Result] = []

    init(names: [String], weights: [Double], best: Int, combination: Combination) {
        self.combination = combination
        self.names = names
        self.weights = weights
        self.best = best
    }

    mutating func measure(_ parts: [Part], _ ensemble: EnsemblePredictor, seed: UInt64) throws {
        let classes = ensemble.labels.count
        for part in parts {
            let members = try ensemble.memberProbabilities(part.texts)
            let joint = combination.combine(members)
            results.append(
                Result(
                    part: part.name, texts: part.truth.count,
                    members: members.map { Evaluation($0, part.truth, classes: classes) },
                    ensemble: Evaluation(joint, part.truth, classes: classes),
                    gain: try PairedBootstrap(members[best], joint, truth: part.truth, seed: seed)))
        }
    }

    func show(_ ui: UserInterface) {
        var view = TableView(columns: [.text("Member"), .number("Weight")])
        for result in results { view.columns += [.number("\(result.part) accuracy"), .number("log loss")] }
        func cells(_ evaluation: (Result) -> Evaluation) -> [String] {
            results.flatMap { result -> [String] in
                let value = evaluation(result)
                return [Quantity.fixed(value.accuracy, decimals: 4), Quantity.fixed(value.logLoss, decimals: 4)]
            }
        }
        for (number, name) in names.enumerated() {
            view.rows.append([name, Quantity.fixed(weights[number], decimals: 2)] + cells { $0.members[number] })
        }
        view.rows.append(["ensemble", ""] + cells(\.ensemble))
        view.show(.terminal, ui)
        ui.print("\nGain over \(names[best]), the best member on dev (paired bootstrap, 95 % interval):")
        for result in results {
            let accuracy = result.gain.accuracy
            let loss = result.gain.logLoss
            ui.print(
                "  \(result.part) (\(Quantity.count(result.texts, "text"))): accuracy \(points(accuracy.value)) points "
                    + "[\(points(accuracy.lower)), \(points(accuracy.upper))], log loss lower by "
                    + "\(Quantity.fixed(loss.value, decimals: 4)) [\(Quantity.fixed(loss.lower, decimals: 4)), "
                    + "\(Quantity.fixed(loss.upper, decimals: 4))]")
        }
    }

    private func points(_ value: Double) -> String {
        (value >= 0 ? "+" : "") + Quantity.fixed(value * 100, decimals: 2)
    }

    var json: JSON {
        .array(
            results.map { result in
                [
                    "data": .string(result.part),
                    "members": .array(
                        zip(names, result.members).map { name, evaluation in
                            .object(
                                JSONObject(
                                    [("member", JSON.string(name))] + evaluation.json.pairs.map { ($0.key, $0.value) }))
                        }), "ensemble": .object(result.ensemble.json), "best_on_dev": .string(names[best]),
                    "gain": ["accuracy": Self.gain(result.gain.accuracy), "log_loss": Self.gain(result.gain.logLoss)],
                ]
            })
    }

    static func gain(_ gain: PairedBootstrap.Gain) -> JSON {
        ["value": JSON(gain.value), "lower": JSON(gain.lower), "upper": JSON(gain.upper)]
    }
}
