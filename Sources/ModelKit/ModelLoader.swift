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
        /// What the path is.
        public var kind: EnsembleDocument.Member.Kind

        public init(
            predictor: any Predictor, name: String, commit: Commit? = nil, path: String, provenance: JSON = .null,
            kind: EnsembleDocument.Member.Kind = .file
        ) {
            self.kind = kind
            self.predictor = predictor
            self.name = name
            self.commit = commit
            self.path = path
            self.provenance = provenance
        }
    }

    /// The model the user means: those of the revisions, or the one at a path, or the one HEAD has.
    ///
    /// - Parameters:
    ///   - revisions: `REV` or `REV:PATH`; empty for the path, or for HEAD.
    ///   - path: a model's folder or an ensemble's file; with revisions, inside of them.
    ///   - data: nil outside a repository, where only what needs no commit can be read.
    public static func choose(
        _ revisions: [String], path: String?, data: DataRepository?, progress: any ProgressReporter
    ) throws -> [Loaded] {
        guard let data else {
            guard revisions.isEmpty, let path else {
                return [try ModelLoader(DataRepository(), progress: progress).load(revision: "HEAD")]
            }
            return [try loadLoose(path: path)]
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

    /// A model at a revision, `REV:PATH`, or a path of the work tree: a revision is tried first where the name is both.
    public func loadAny(_ name: String) throws -> Loaded {
        if Files.exists(name),
            name.hasSuffix(".json") || name.hasSuffix(".jsonl") || (try? data.repository.commit(name)) == nil
        {
            return try load(path: name)
        }
        return try load(revision: name)
    }

    /// A folder without a model of its own stands for the ensemble in it.
    private static func place(_ place: String, _ read: (String) throws -> [UInt8]) -> String {
        if place.hasSuffix(".json") || place.hasSuffix(".jsonl") { return place }
        if (try? read(place + "/model.json")) == nil, (try? read(place + "/ensemble.json")) != nil {
            return place + "/ensemble.json"
        }
        return place
    }

    private func open(_ place: String, _ read: (String) throws -> [UInt8]) throws -> (any Predictor, JSON) {
        let place = ModelLoader.place(place, read)
        if place.hasSuffix(".jsonl") { return (try PredictionFile(parsing: try read(place), name: place), .null) }
        if place.hasSuffix(".json") {
            let document = try EnsembleDocument(parsing: try read(place), name: place)
            let folder = Files.parent(of: place)
            let members = try document.members.map { member -> any Predictor in
                switch member.kind {
                case .file: break
                case .command: return try command(member.path, of: place)
                case .endpoint: return try EndpointPredictor(member.path)
                }
                if let commit = member.commit { return try load(revision: commit, path: member.path).predictor }
                // Beside the file first: an ensemble and its members move together.
                let beside = folder.isEmpty || folder == "." ? member.path : folder + "/" + member.path
                if folder != "", let (predictor, _) = try? open(beside, read) { return predictor }
                return try open(member.path, read).0
            }
            let weights = document.members.map(\.weight)
            let all = try EnsemblePredictor(members, weights: document.method == "stacking" ? nil : weights)
            let combination = try document.combination(classes: all.labels.count, name: place)
            let data = members.lazy.compactMap { ($0 as? TextModel)?.provenance["data"] }.last
            var remembered: JSONObject = [:]
            if let data { remembered["data"] = data }
            // Programs and servers may answer otherwise the next time.
            if document.members.contains(where: { $0.kind != .file }) { remembered["external"] = true }
            let provenance = JSON.object(remembered)
            if case .mean = combination { return (all, provenance) }
            return (CombinedPredictor(all, combination), provenance)
        }
        let model = try TextModel { try read(place + "/" + $0) }
        return (model, model.provenance)
    }

    /// A program that an ensemble's file names. A file out of a clone is not trusted: it starts nothing by itself.
    private func command(_ command: String, of place: String) throws -> any Predictor {
        guard try Configuration(data.repository.git).bool("mlrun.allowCommands") == true else {
            throw MLError(
                .invalidInput, "'\(place)' wants to run the program '\(command)'",
                hint: "if you trust it: git config mlrun.allowCommands true")
        }
        return try CommandPredictor(command)
    }

    /// The folder of the one model a commit has.
    private func onlyModel(in commit: Commit, _ revision: String) throws -> String {
        let models = try models(in: commit)
        guard let model = models.first else {
            throw MLError(
                .notFound, "'\(revision)' holds no model",
                hint: revisionsWithModels() ?? "train one with 'git mlrun train', and commit it")
        }
        if models.count == 1 { return model }
        // Members of one ensemble are one model together.
        let files = try data.repository.files(inTree: commit.tree).map(\.path)
        let ensembles = files.filter { Files.lastComponent(of: $0) == "ensemble.json" }
        if let file = ensembles.first, ensembles.count == 1 {
            let folder = Files.parent(of: file)
            if models.allSatisfy({ folder == "." || $0.hasPrefix(folder + "/") }) { return file }
        }
        throw severalModels(models, revision)
    }
}
