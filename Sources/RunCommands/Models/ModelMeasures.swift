import Base
import CommandKit
import ModelKit
import Reports
import TextModels

/// The measures of a model on labelled texts, whatever the model answers.
enum ModelMeasures {
    static func of(
        _ predictor: any Predictor, _ data: Dataset, place: String, name: String, details: Bool, plots: String? = nil
    ) throws -> (JSONObject, EvaluationDetails?) {
        let output = (predictor as? TextModel)?.spec.predict.output ?? .softmax
        if output == .softmax {
            let truth = try Evaluation.indices(of: data.labels, in: predictor.labels, name: place)
            let answers = try predictor.predict(data.texts)
            if !(predictor is TextModel) { try check(answers, data.texts, name) }
            if let plots { try write(answers, truth, predictor.labels, to: plots) }
            let evaluation = Evaluation(answers, truth, classes: predictor.labels.count)
            return (
                evaluation.json,
                details
                    ? try EvaluationDetails(name, evaluation, answers, truth, data.texts, predictor.labels) : nil
            )
        }
        if plots != nil {
            throw MLError(.usage, "'--plots' draws answers of one class a text, '\(name)' gives others")
        }
        let targets = try Targets(data, output, known: predictor.labels, name: place)
        let answers = try predictor.predict(data.texts)
        if output == .regression {
            return (RegressionMeasures(answers.map { $0[0] }, targets.rows.map { Double($0[0]) }).json, nil)
        }
        return (MultiLabelMeasures(answers, targets.rows).json, nil)
    }

    /// Answers from outside must be probabilities, or the measures mean nothing.
    private static func check(_ answers: [[Double]], _ texts: [String], _ name: String) throws {
        for (row, text) in zip(answers, texts) {
            let sum = row.reduce(0, +)
            guard row.allSatisfy({ $0 >= 0 && $0 <= 1 + 1e-6 }), abs(sum - 1) < 0.01 else {
                throw MLError(
                    .invalidInput,
                    "\(name): \(row.map { String($0) }.joined(separator: ", ")) are no probabilities that sum to 1, for the "
                        + "text '\(text.prefix(60))'")
            }
        }
    }

    private static func write(_ answers: [[Double]], _ truth: [Int], _ labels: [String], to folder: String) throws {
        try Files.makeDirectories(folder)
        let tables = [
            ("confusion", EvaluationPlots.confusion(answers, truth, labels: labels)),
            ("roc", EvaluationPlots.receiver(answers, truth, labels: labels)),
            ("precision_recall", EvaluationPlots.precisionRecall(answers, truth, labels: labels)),
            ("calibration", EvaluationPlots.calibration(answers, truth)),
        ]
        for (name, table) in tables { try Files.writeAtomically(table, to: "\(folder)/\(name).csv") }
    }
}

/// Measures of models that answer with numbers or several labels: whatever there is, a row each.
enum ScoreTable {
    static func show(_ document: JSONObject, _ ui: UserInterface) {
        var view = TableView(columns: [.text("Model"), .text("Data"), .text("Measure"), .number("Value")])
        for (model, files) in document.pairs {
            for (data, measures) in files.objectValue?.pairs ?? [] {
                for (name, value) in measures.objectValue?.pairs ?? [] {
                    view.rows.append([model, data, name, TableView.spell(value)])
                }
            }
        }
        view.show(.terminal, ui)
    }
}
