import Base
import CommandKit
import ModelKit
import Reports
import TextModels

/// The measures of a model on labelled texts, whatever the model answers.
enum ModelMeasures {
    static func of(
        _ predictor: any Predictor, _ data: Dataset, place: String, name: String, details: Bool
    ) throws -> (JSONObject, EvaluationDetails?) {
        let output = (predictor as? TextModel)?.spec.predict.output ?? .softmax
        if output == .softmax {
            let truth = try Evaluation.indices(of: data.labels, in: predictor.labels, name: place)
            let answers = try predictor.predict(data.texts)
            let evaluation = Evaluation(answers, truth, classes: predictor.labels.count)
            return (
                evaluation.json,
                details
                    ? try EvaluationDetails(name, evaluation, answers, truth, data.texts, predictor.labels) : nil
            )
        }
        let targets = try Targets(data, output, known: predictor.labels, name: place)
        let answers = try predictor.predict(data.texts)
        if output == .regression {
            return (RegressionMeasures(answers.map { $0[0] }, targets.rows.map { Double($0[0]) }).json, nil)
        }
        return (MultiLabelMeasures(answers, targets.rows).json, nil)
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
