import Base
import GitKit

extension ModelLoader {
    /// A commit that brought a model in another version than its predecessor had.
    public struct Version: Sendable {
        public var commit: Commit
        /// The model's folder or the ensemble's file.
        public var path: String
    }

    /// The versions of a model over the commits of a range, the newest first. Commits that left the model as it was are
    /// left out; so are those without one.
    ///
    /// - Parameter path: the model's folder or an ensemble's file; nil where commits have only one model.
    public func versions(_ range: String, path: String?) throws -> [Version] {
        var found: [Version] = []
        var content: [GitID]?
        for commit in try data.repository.log(range).reversed() {
            let place: String
            if let path {
                place = path
            } else {
                let models = try models(in: commit)
                guard models.count <= 1 else { throw severalModels(models, "\(commit.id.hex.prefix(7))") }
                guard let model = models.first else { continue }
                place = model
            }
            let names = place.hasSuffix(".json") ? [""] : ["/model.json", "/vocab.txt", "/weights.safetensors"]
            let ids = try names.compactMap { try data.repository.entry(inTree: commit.tree, at: place + $0)?.id }
            guard ids.count == names.count, ids != content else { continue }
            content = ids
            found.append(Version(commit: commit, path: place))
        }
        return found.reversed()
    }

    /// The folders of a commit's models.
    func models(in commit: Commit) throws -> [String] {
        let files = try data.repository.files(inTree: commit.tree).map(\.path)
        let folders = Set(
            files.filter { Files.lastComponent(of: $0) == "weights.safetensors" }.map { Files.parent(of: $0) })
        return files.filter { Files.lastComponent(of: $0) == "model.json" }.map { Files.parent(of: $0) }
            .filter { folders.contains($0) }
    }

    func severalModels(_ models: [String], _ revision: String) -> MLError {
        MLError(
            .invalidInput, "'\(revision)' holds \(models.count) models: \(models.joined(separator: ", "))",
            hint: "say which: --model PATH, or \(revision):PATH")
    }

    /// "which revisions have a model", for messages about one that has none.
    func revisionsWithModels() -> String? {
        // The newest of all branches and tags; a long history is not searched to its end for a hint.
        guard
            let answer = try? data.repository.git.run([
                "log", "--all", "--diff-filter=AM", "--format=%h", "--max-count=5", "--", "*weights.safetensors",
            ])
        else { return nil }
        let ids = answer.text.split(separator: "\n").map(String.init)
        return ids.isEmpty ? nil : "these have one: \(ids.joined(separator: ", "))"
    }
}
