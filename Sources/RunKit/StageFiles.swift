import Base
import GitKit
import Pipelines

/// What the stages of a tree read and make, with what it is there: `{path: {hash, size, …}}` as `dvc exp show` has it.
public struct StageFiles: Sendable {
    public var dependencies: JSONObject = [:]
    public var outputs: JSONObject = [:]

    public init() {}

    /// Files that are not there are left out.
    init(_ stages: [Stage], _ content: any ContentSource) throws {
        func describe(_ path: String) throws -> JSONObject? {
            guard let id = try content.id(of: path) else { return nil }
            let size = try content.size(of: path).map { JSON.integer($0) } ?? .null
            return ["hash": .string(id.hex), "size": size, "nfiles": .null]
        }
        for stage in stages {
            for path in stage.dependencies where dependencies[path] == nil {
                dependencies[path] = try describe(path).map { .object($0) }
            }
            for output in stage.outputs {
                guard var entry = try describe(output.path) else { continue }
                entry["use_cache"] = .bool(output.isCached)
                entry["is_data_source"] = .bool(false)
                outputs[output.path] = .object(entry)
            }
        }
    }
}

extension RunRepository {
    /// Those of a commit; empty where its pipelines cannot be read.
    public func stageFiles(of commit: Commit) throws -> StageFiles {
        let content = content(of: commit)
        guard let project = try? project(of: commit, content) else { return StageFiles() }
        return try StageFiles(project.stages, content)
    }

    /// Those of the work tree.
    public func stageFilesOfWorkTree() throws -> StageFiles {
        let cache = statCache()
        defer { cache.save() }
        let content = try workTreeContent(cache)
        return try StageFiles(project(content).stages, content)
    }

    /// `{file: {key: value}}` of a tree.
    func params(ofTree tree: GitID) throws -> JSONObject {
        let content = CommitContent(data, tree: tree)
        return try ParamTable.values(project(ofTree: tree, content), content)
    }

    /// The params that stages depend on: `{file: {key: value}}`.
    public func stageParams(of commit: Commit) throws -> JSONObject {
        let content = content(of: commit)
        return try ParamTable.values(try? project(of: commit, content), content, stagesOnly: true)
    }
}
