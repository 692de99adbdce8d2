import Base
import DataKit
import Ensembles
import GitKit
import TextModels

/// Finds models and ensembles: in the work tree, or in a commit's tree without a checkout.
public struct ModelLoader: Sendable {
    /// A predictor with what it is called.
    public struct Loaded: Sendable {
        public var predictor: any Predictor
        /// `HEAD~1:models/reviews`, or a path.
        public var name: String
        /// The full id of the commit it was read from; nil for the work tree.
        public var commit: Commit?
        public var path: String
        /// What the model remembers of its making.
        public var provenance: JSON
    }

    /// The model the user means: those of the revisions, or the one at a path, or the one HEAD has.
    ///
    /// - Parameters:
    ///   - revisions: `REV` or `REV:PATH`; empty for the path, or for HEAD.
    ///   - path: a model's folder or an ensemble's file; with revisions, inside of them.
    ///   - data: nil outside a repository, where only a folder can be read.
    public static func choose(
        _ revisions: [String], path: String?, data: DataRepository?, progress: any ProgressReporter
    ) throws -> [Loaded] {
        guard let data else {
            guard revisions.isEmpty, let path else {
                return [try ModelLoader(DataRepository(), progress: progress).load(revision: "HEAD")]
            }
            let model = try TextModel { try Files.read(path + "/" + $0) }
            return [Loaded(predictor: model, name: path, commit: nil, path: path, provenance: model.provenance)]
        }
        let loader = ModelLoader(data, progress: progress)
        if !revisions.isEmpty { return try revisions.map { try loader.load(revision: $0, path: path) } }
        if let path, Files.exists(path) { return [try loader.load(path: path)] }
        return [try loader.load(revision: "HEAD", path: path)]
    }

    let data: DataRepository
    let progress: any ProgressReporter

    public init(_ data: DataRepository, progress: any ProgressReporter) {
        self.data = data
        self.progress = progress
    }

    /// A model at a revision.
    ///
    /// - Parameters:
    ///   - revision: a revision, or `REV:PATH`.
    ///   - path: the model's folder or an ensemble's file; nil when the revision has only one model.
    public func load(revision: String, path: String? = nil) throws -> Loaded {
        var revision = revision
        var path = path
        if let colon = revision.firstIndex(of: ":"), colon != revision.startIndex {
            path = String(revision[revision.index(after: colon)...])
            revision = String(revision[..<colon])
        }
        let commit = try data.repository.commit(revision)
        let place = try path ?? onlyModel(in: commit, revision)
        let downloader = Downloader(data)
        let progress = progress
        let read: (String) throws -> [UInt8] = { file in
            try data.content(ofTree: commit.tree, path: file, revision: revision) {
                try downloader.require($0, progress: progress)
            }
        }
        let (predictor, provenance) = try open(place, read)
        return Loaded(
            predictor: predictor, name: "\(revision):\(place)", commit: commit, path: place, provenance: provenance)
    }

    /// A model in the work tree.
    ///
    /// - Parameter path: relative to where the user stands.
    public func load(path: String) throws -> Loaded {
        guard Files.exists(path) else {
            throw MLError(
                .notFound, "there is no model at '\(path)'", hint: "train one with 'git mlrun train --out \(path)'")
        }
        let (predictor, provenance) = try open(path) { try Files.read($0) }
        return Loaded(predictor: predictor, name: path, commit: nil, path: path, provenance: provenance)
    }

    private func open(_ place: String, _ read: (String) throws -> [UInt8]) throws -> (any Predictor, JSON) {
        if place.hasSuffix(".json") {
            let document = try EnsembleDocument(parsing: try read(place), name: place)
            let members = try document.members.map { member in
                if let commit = member.commit { return try load(revision: commit, path: member.path).predictor }
                return try TextModel { try read(member.path + "/" + $0) }
            }
            return (try EnsemblePredictor(members, weights: document.members.map(\.weight)), .null)
        }
        let model = try TextModel { try read(place + "/" + $0) }
        return (model, model.provenance)
    }

    /// The folder of the one model a commit has.
    private func onlyModel(in commit: Commit, _ revision: String) throws -> String {
        let files = try data.repository.files(inTree: commit.tree).map(\.path)
        let folders = Set(
            files.filter { Files.lastComponent(of: $0) == "weights.safetensors" }.map { Files.parent(of: $0) })
        let models = files.filter { Files.lastComponent(of: $0) == "model.json" }.map { Files.parent(of: $0) }
            .filter { folders.contains($0) }
        guard let model = models.first else {
            throw MLError(
                .notFound, "'\(revision)' holds no model", hint: "train one with 'git mlrun train', and commit it")
        }
        guard models.count == 1 else {
            throw MLError(
                .invalidInput, "'\(revision)' holds \(models.count) models: \(models.joined(separator: ", "))",
                hint: "say which: --model PATH, or \(revision):PATH")
        }
        return model
    }
}
