import Base
import CommandKit
import Ensembles
import Reports
import TextModels

/// A folder with models that were trained as an ensemble, a sub-folder each, and `ensemble.json`.
struct EnsembleFolder {
    let path: String
    private(set) var members: [(name: String, model: TextModel, weight: Double)] = []

    init(_ path: String) { self.path = path }

    /// Takes a member; its place in the ensemble becomes part of what it remembers.
    mutating func add(_ model: TextModel, weight: Double, number: Int, provenance: JSON) {
        var model = model
        model.provenance = provenance
        members.append((String(number + 1), model, weight))
    }

    /// Writes all members, then the ensemble's file: without it there is no ensemble.
    func save(method: String, note: JSON, meta: JSON, precision: (TextModel, String) throws -> Void) throws {
        for member in members { try precision(member.model, path + "/" + member.name) }
        let document = EnsembleDocument(
            method: method, labels: members.first?.model.labels ?? [],
            members: members.map { EnsembleDocument.Member(commit: nil, path: $0.name, weight: $0.weight) },
            search: note, meta: meta)
        try Files.writeAtomically(document.json.pretty(), to: path + "/ensemble.json")
    }

    /// Members and ensemble on dev.
    func show(_ dev: Dataset, _ combination: Combination, _ ui: UserInterface) throws {
        guard let labels = members.first?.model.labels else { return }
        let truth = try Evaluation.indices(of: dev.labels, in: labels, name: "dev data")
        let answers = try members.map { try $0.model.predict(dev.texts) }
        var view = TableView(columns: [
            .text("Member"), .number("Weight"), .number("Dev accuracy"), .number("Dev log loss"),
        ])
        func row(_ name: String, _ weight: String, _ answers: [[Double]]) {
            let evaluation = Evaluation(answers, truth, classes: labels.count)
            view.rows.append([
                name, weight, Quantity.fixed(evaluation.accuracy, decimals: 4),
                Quantity.fixed(evaluation.logLoss, decimals: 4),
            ])
        }
        for (member, answers) in zip(members, answers) {
            row(member.name, Quantity.fixed(member.weight, decimals: 2), answers)
        }
        row("ensemble", "", combination.combine(answers))
        view.show(.terminal, ui)
        let diversity = Diversity(answers, truth: truth)
        ui.print(
            "Members differ on \(Quantity.fixed(diversity.mean(\.disagreement) * 100, decimals: 1)) % of the dev texts, "
                + "their errors correlate by \(Quantity.fixed(diversity.mean(\.errorCorrelation), decimals: 2))")
    }
}
