import Base
import Ensembles
import TextModels

extension ModelLoader {
    /// A model, an ensemble or a file of predictions where there is no repository: an ensemble's members lie beside it.
    ///
    /// - Throws: `MLError(.notARepository)` for a member that is in a commit.
    static func loadLoose(path: String) throws -> Loaded {
        let predictor: any Predictor
        if path.hasSuffix(".jsonl") {
            predictor = try PredictionFile(parsing: Files.read(path), name: path)
        } else if path.hasSuffix(".json") {
            predictor = try looseEnsemble(path)
        } else {
            let model = try TextModel { try Files.read(path + "/" + $0) }
            return Loaded(predictor: model, name: path, path: path, provenance: model.provenance)
        }
        return Loaded(predictor: predictor, name: path, path: path)
    }

    private static func looseEnsemble(_ path: String) throws -> any Predictor {
        let document = try EnsembleDocument(parsing: Files.read(path), name: path)
        let members = try document.members.map { member -> any Predictor in
            switch member.kind {
            case .file: break
            case .endpoint: return try EndpointPredictor(member.path)
            // A file starts nothing by itself, and there is no configuration that would allow it.
            case .command:
                throw MLError(
                    .notARepository, "'\(path)' wants to run the program '\(member.path)', and this is no repository")
            }
            if let commit = member.commit {
                throw MLError(
                    .notARepository, "'\(path)' has a member in commit \(commit.prefix(10)), and this is no repository")
            }
            let beside = Files.join(Files.parent(of: path), member.path)
            return try loadLoose(path: Files.exists(beside) ? beside : member.path).predictor
        }
        let weights = document.members.map(\.weight)
        let all = try EnsemblePredictor(members, weights: document.method == "stacking" ? nil : weights)
        let combination = try document.combination(classes: all.labels.count, name: path)
        if case .mean = combination { return all }
        return CombinedPredictor(all, combination)
    }
}
