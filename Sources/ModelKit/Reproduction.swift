import Base
import DataKit
import Ensembles
import GitKit
import TextModels

/// Trains a committed model again from its own commit: data, settings and seed as they are there.
public struct Reproduction: Sendable {
    /// One file of the model in the commit and as it came out now.
    public struct File: Sendable {
        public var name: String
        public var committed: ObjectID
        public var trained: ObjectID
        public var isSame: Bool { committed == trained }
    }

    public var model: String
    public var files: [File]
    /// What differs, in words; empty when all bytes are the same.
    public var differences: [String]
    public var isReproduced: Bool { files.allSatisfy(\.isSame) }

    /// - Throws: `MLError(.invalidInput)` for what has no training of ours behind it.
    public init(
        _ revision: String, path: String?, data: DataRepository, scratch: String, progress: any ProgressReporter
    ) throws {
        let loaded = try ModelLoader(data, progress: progress).load(revision: revision, path: path)
        guard let model = loaded.predictor as? TextModel, let commit = loaded.commit else {
            throw MLError(
                .invalidInput, "'\(loaded.name)' is no model that was trained here",
                hint: "an ensemble's members can be verified one by one")
        }
        self.model = loaded.name
        let remembered = model.provenance["data"]
        func places(_ key: String) -> [String] { remembered?[key]?.arrayValue?.compactMap(\.stringValue) ?? [] }
        guard !places("train").isEmpty else {
            throw MLError(.invalidInput, "'\(loaded.name)' does not remember its training data")
        }
        let loader = DataLoader(data: data, provenance: model.provenance, progress: progress)
        var options = TrainingOptions()
        options.read = { try loader.bytes($0, at: commit.id.hex) }
        var train = try loader.dataset(places("train"), at: commit.id.hex)
        if let lesson = try Lesson(model.provenance, at: commit.id.hex, progress) {
            train = try lesson.taught(train, model.spec)
        }
        let dev = try loader.dataset(places("dev"), at: commit.id.hex)
        let again = try Reproduction.train(model, train, dev, options, progress)
        try again.save(to: scratch)
        files = []
        differences = []
        for name in TextModel.fileNames {
            let before = try loader.bytes(loaded.path + "/" + name, at: commit.id.hex)
            let after = try Files.read(scratch + "/" + name)
            let file = File(name: name, committed: ObjectID.of(before), trained: ObjectID.of(after))
            files.append(file)
            if !file.isSame { differences.append(Reproduction.difference(name, before, after)) }
        }
    }

    /// Trains as the model was trained: alone, or as a member of an ensemble.
    private static func train(
        _ model: TextModel, _ train: Dataset, _ dev: Dataset, _ options: TrainingOptions,
        _ progress: any ProgressReporter
    ) throws -> TextModel {
        guard let own = model.provenance["ensemble"], let name = own["kind"]?.stringValue,
            let kind = EnsembleTraining.Kind(rawValue: name), let member = own["member"]?.intValue,
            let members = own["members"]?.intValue, let seed = own["seed"]?.intValue
        else {
            return try TextModel.train(
                model.spec, model.training, train: train, dev: dev, provenance: model.provenance, progress: progress,
                options: options)
        }
        var training = model.training
        training.seed = UInt64(seed)
        training.epochs = own["epochs"]?.intValue ?? training.epochs
        let base = EnsembleTraining(
            model.spec, training, train: train, dev: dev, options: options, progress: progress)
        guard var again = try base.fit(kind, members: members, only: member - 1).first?.model else {
            throw MLError(.invalidInput, "the ensemble has no member \(member)")
        }
        again.provenance = model.provenance
        return again
    }

    /// What differs between two versions of a file, as far as it can be said in a line.
    private static func difference(_ name: String, _ before: [UInt8], _ after: [UInt8]) -> String {
        if name == "model.json", let old = try? JSON(parsing: before), let new = try? JSON(parsing: after) {
            let keys = (old.objectValue?.keys ?? []) + (new.objectValue?.keys ?? [])
            var seen: Set<String> = []
            let changed = keys.filter { old[$0] != new[$0] && seen.insert($0).inserted }
            return "\(name): \(changed.isEmpty ? "layout" : changed.joined(separator: ", ")) differ"
        }
        if name == "vocab.txt" {
            let old = Set(before.split(separator: 10).map(Array.init))
            let new = Set(after.split(separator: 10).map(Array.init))
            return "\(name): \(old.subtracting(new).count) words are gone, \(new.subtracting(old).count) are new"
        }
        return "\(name): \(zip(before, after).count { $0 != $1 } + abs(before.count - after.count)) of "
            + "\(before.count) bytes differ"
    }
}
