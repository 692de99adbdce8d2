import Base
import GitKit
import Pipelines
import Records

/// What a commit, or the work tree, says of its runs: params, and the metrics it can rightly claim.
public struct Snapshot: Sendable {
    /// `{file: {key: value}}`, flattened.
    public var params: JSONObject = [:]
    /// `{file: {key: value}}` of runs whose outputs are in this tree.
    public var metrics: JSONObject = [:]
    public var claims: [Claim] = []
    /// Why the pipelines of this tree cannot be read; nil when they can.
    public var problem: MLError?
}

extension RunRepository {
    /// The snapshot of a commit. A commit whose pipeline does not read has an empty one that says why.
    public func snapshot(of commit: Commit) throws -> Snapshot {
        let content = content(of: commit)
        do {
            guard let project = try project(of: commit, content) else { return Snapshot() }
            return try snapshot(project, content)
        } catch let error as MLError where error.code == .invalidInput || error.code == .notFound {
            return Snapshot(problem: error)
        }
    }

    /// The snapshot of the work tree.
    public func snapshotOfWorkTree() throws -> Snapshot {
        let cache = statCache()
        let content = try workTreeContent(cache)
        let project = try project(content)
        defer { cache.save() }
        return try snapshot(project, content)
    }

    private func snapshot(_ project: Project, _ content: any ContentSource) throws -> Snapshot {
        var snapshot = Snapshot()
        snapshot.params = try ParamTable.values(project, content)
        snapshot.claims = try Claims.find(project.stages, content: content, index: records)
        for claim in snapshot.claims {
            for (file, values) in claim.record.metrics.pairs { snapshot.metrics[file] = values }
        }
        return snapshot
    }

    /// Writes the notes of commits from the records their trees claim.
    ///
    /// - Returns: how many commits have one.
    @discardableResult
    public func note(_ commits: [Commit]) throws -> Int {
        var texts: [(commit: GitID, text: String)] = []
        for commit in commits {
            let claims = try snapshot(of: commit).claims
            if !claims.isEmpty { texts.append((commit.id, Note.text(claims.map(\.record)))) }
        }
        try notes.add(texts)
        return texts.count
    }
}

/// Reads params as DVC lists them: whole files named at the top level or used in templates, single keys of stages.
public enum ParamTable {
    /// `{file: {key: value}}`, flattened; a file that is not there is left out.
    public static func values(_ project: Project, _ content: any ContentSource) throws -> JSONObject {
        var result = JSONObject()
        func load(_ file: String) throws -> JSON? { try content.read(file).map { try Params.load($0, name: file) } }
        for file in project.files {
            for path in file.params {
                guard let value = try load(path) else { continue }
                result[path] = .object(JSONObject(Params.flatten(value).map { ($0.key, $0.value) }))
            }
        }
        let reader = ParamReader(content: content)
        for stage in project.stages {
            guard let values = try? reader.values(of: stage) else { continue }
            for value in values {
                var file = result[value.file]?.objectValue ?? [:]
                for (key, leaf) in Params.flatten(value.value, prefix: value.key) where file[key] == nil {
                    file[key] = leaf
                }
                result[value.file] = .object(file)
            }
        }
        return result
    }
}
