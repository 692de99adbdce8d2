import Base
import CommandKit
import Ensembles
import Reports
import Tensors
import TextModels

/// `git mlrun train --ensemble`: members out of one or several specifications, written with the file that joins them.
struct TrainedEnsemble {
    let kind: String
    /// Members; of stacking: parts of the training data.
    let members: Int
    let learner: String
    /// What every member remembers besides its place.
    let provenance: JSONObject

    func run(
        _ trainings: [EnsembleTraining], to path: String, precision: SafeTensors.Precision, _ ui: UserInterface
    ) throws {
        var folder = EnsembleFolder(path)
        let seed = trainings[0].training.seed
        func remember(_ number: Int) -> JSON {
            var own = provenance
            own["ensemble"] = [
                "kind": .string(kind), "member": JSON(number + 1), "members": JSON(members), "seed": JSON(Int(seed)),
                "epochs": JSON(trainings[0].training.epochs),
            ]
            return .object(own)
        }
        var (method, note, meta) = ("average", JSON.null, JSON.null)
        let combination: Combination
        if kind == "stacking" {
            guard let learner = Stacking.Learner(rawValue: learner) else {
                throw MLError(
                    .usage, "there is no learner '\(learner)'",
                    hint: "known: \(Stacking.Learner.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            let fitted = try StackedTraining(trainings, folds: members, learner: learner).fit(seed: seed)
            for (number, model) in fitted.models.enumerated() {
                // Trained on everything, as it would be alone.
                folder.add(
                    model, weight: 1 / Double(fitted.models.count), number: number, provenance: .object(provenance))
            }
            (method, note, meta) = ("stacking", fitted.note, fitted.stacking.json)
            combination = .stacking(fitted.stacking)
        } else {
            guard let known = EnsembleTraining.Kind(rawValue: kind) else {
                let names = EnsembleTraining.Kind.allCases.map(\.rawValue) + ["stacking"]
                throw MLError(
                    .usage, "there is no ensemble '\(kind)'",
                    hints: NearestName.hints(kind, in: names) + ["known: \(names.joined(separator: ", "))"])
            }
            for (number, model, weight) in try trainings[0].fit(known, members: members) {
                folder.add(model, weight: weight, number: number, provenance: remember(number))
            }
            if known == .boosting { method = "weighted" }
            note = ["kind": .string(kind)]
            combination = .mean(folder.members.map(\.weight))
        }
        try folder.save(method: method, note: note, meta: meta) { try $0.save(to: $1, precision: precision) }
        if trainings[0].spec.predict.output == .softmax { try folder.show(trainings[0].dev, combination, ui) }
    }
}
