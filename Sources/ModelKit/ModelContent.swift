import Base
import DataKit
import Ensembles
import GitKit
import TextModels

/// All files that a model of a commit needs to answer where there is no repository.
public struct ModelContent: Sendable {
    /// The last part of the model's path, without its ending: what it is called in addresses.
    public var name: String
    /// The folder or file among `files` that is opened: `reviews`, `blend.json`.
    public var entry: String
    public var commit: Commit
    /// The model's path in the commit.
    public var path: String
    public var predictor: any Predictor
    /// Paths relative to one folder, in the order of their bytes.
    public var files: [(path: String, bytes: [UInt8])]

    /// What `image.json` beside the model says (`Documentation/formats/image.md`).
    public var document: JSON {
        [
            "version": 1, "kind": "model image", "commit": .string(commit.id.hex), "tree": .string(commit.tree.hex),
            "time": .string(commit.time.description), "subject": .string(commit.subject), "path": .string(path),
            "model": .string(entry), "labels": JSON(predictor.labels),
            "files": .array(
                files.map {
                    [
                        "path": .string($0.path), "size": JSON($0.bytes.count),
                        "sha256": .string(ObjectID.of($0.bytes).hex),
                    ]
                }),
        ]
    }
}

extension ModelLoader {
    /// Beside a model, for who serves it.
    private static let companions = ["golden.jsonl", "reference.json"]

    /// Reads a model with all that belongs to it. Members of an ensemble come along, whichever commit they are from.
    ///
    /// - Throws: `MLError(.invalidInput)` for a member that is a program: it cannot be taken along.
    public func content(revision: String, path: String? = nil) throws -> ModelContent {
        let loaded = try load(revision: revision, path: path)
        guard let commit = loaded.commit else { throw MLError(.notFound, "'\(revision)' is no commit") }
        var place = loaded.path
        // A folder that holds an ensemble with its members.
        if !place.hasSuffix(".json"), !place.hasSuffix(".jsonl"), try !exists(place + "/model.json", commit),
            try exists(place + "/ensemble.json", commit)
        {
            place += "/ensemble.json"
        }
        let entry = Files.lastComponent(of: place)
        var files: [String: [UInt8]] = [:]
        try collect(place, commit, as: entry, into: &files)
        return ModelContent(
            name: entry.split(separator: ".").first.map(String.init) ?? "model", entry: entry, commit: commit,
            path: place, predictor: loaded.predictor,
            files: files.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) })
    }

    private func collect(_ place: String, _ commit: Commit, as name: String, into files: inout [String: [UInt8]]) throws
    {
        let beside = name.contains("/") ? Files.parent(of: name) + "/" : ""
        if place.hasSuffix(".jsonl") {
            files[name] = try read(place, commit)
        } else if place.hasSuffix(".json") {
            var document = try EnsembleDocument(parsing: read(place, commit), name: place)
            let folder = Files.parent(of: place)
            for (number, member) in document.members.enumerated() {
                guard member.kind == .file else {
                    throw MLError(
                        .invalidInput,
                        "member \(number + 1) of '\(place)' is a program or a server, which an image cannot hold")
                }
                var (from, path) = (commit, member.path)
                if let id = member.commit {
                    from = try data.repository.commit(id)
                } else if !folder.isEmpty, folder != ".", try exists(folder + "/" + path, commit) {
                    path = folder + "/" + path
                }
                let isFile = path.hasSuffix(".json") || path.hasSuffix(".jsonl")
                let own = "members/\(number)" + (isFile ? "/" + Files.lastComponent(of: path) : "")
                try collect(path, from, as: beside + own, into: &files)
                document.members[number].commit = nil
                document.members[number].path = own
            }
            files[name] = Array(document.json.pretty().utf8)
            // Beside the whole only: a member is not asked for its own.
            if beside.isEmpty { try addCompanions(folder, commit, as: "", into: &files) }
        } else {
            for file in TextModel.fileNames { files[name + "/" + file] = try read(place + "/" + file, commit) }
            try addCompanions(place, commit, as: name + "/", into: &files)
        }
    }

    private func addCompanions(
        _ folder: String, _ commit: Commit, as prefix: String, into files: inout [String: [UInt8]]
    ) throws {
        for file in ModelLoader.companions {
            let path = folder.isEmpty || folder == "." ? file : folder + "/" + file
            if try exists(path, commit) { files[prefix + file] = try read(path, commit) }
        }
    }

    private func exists(_ path: String, _ commit: Commit) throws -> Bool {
        try data.repository.entry(inTree: commit.tree, at: path) != nil
    }

    private func read(_ path: String, _ commit: Commit) throws -> [UInt8] {
        let (data, progress) = (data, progress)
        return try data.content(ofTree: commit.tree, path: path, revision: commit.id.hex) {
            try Downloader(data).require($0, progress: progress)
        }
    }
}

/// A model that was taken out of its repository, with the commit it is of.
public enum ExportedModel {
    public static let fileName = "image.json"

    /// The full id of the commit that the model at a path was taken from; nil when nothing says so.
    ///
    /// - Throws: `MLError(.corrupt)` when a file is not what was taken.
    public static func commit(of path: String) throws -> String? {
        let folder = Files.parent(of: path)
        let place = folder.isEmpty ? fileName : Files.join(folder, fileName)
        guard Files.exists(place), let json = try? JSON(parsing: Files.read(place)), json["version"]?.intValue == 1,
            json["kind"]?.stringValue == "model image", let commit = json["commit"]?.stringValue,
            json["model"]?.stringValue == Files.lastComponent(of: path)
        else { return nil }
        for file in json["files"]?.arrayValue ?? [] {
            guard let name = file["path"]?.stringValue, let digest = file["sha256"]?.stringValue,
                (try? ObjectID.ofFile(Files.join(folder, name)).hex) == digest
            else {
                throw MLError(
                    .corrupt, "'\(file["path"]?.stringValue ?? "")' beside '\(place)' is not the file of the commit")
            }
        }
        return commit
    }
}
