import Base
import GitKit
import Pipelines
import RunKit

/// What both kinds of files have in common: which they are, and how they read.
enum ValueKind {
    case metrics, params
}

/// One metric or param file of one revision.
struct ValueFile {
    var path: String
    /// As in the file, reduced to what counts as a metric or a param.
    var tree: JSON
    /// Why it cannot be read; nil when it can.
    var problem: MLError?
    /// Whether a pipeline declares it and it is not there, which is no fault of its own.
    var isAbsent = false

    /// Leaves by dotted key.
    var leaves: JSONObject { problem == nil ? JSONObject(Params.flatten(tree).map { ($0.key, $0.value) }) : [:] }
}

/// Where values are looked for and which.
struct ValueSelection {
    var kind: ValueKind
    /// Paths from the top; empty for what the pipelines declare.
    var targets: [String] = []
    /// Params: only those that stages depend on.
    var stagesOnly = false

    /// The files with what they hold.
    ///
    /// - Parameter cache: asked for files that the content lacks.
    func files(
        _ project: Project?, _ content: any ContentSource, cache: DVCCache? = nil
    ) throws -> [ValueFile] {
        if targets.isEmpty && kind == .params {
            let values = try ParamTable.values(project, content, stagesOnly: stagesOnly)
            return values.pairs.map { ValueFile(path: $0.key, tree: $0.value) }
        }
        var paths = targets
        if targets.isEmpty, let project {
            let outputs = project.stages.flatMap(\.outputs).filter { $0.kind == .metric }.map(\.path)
            var seen: Set<String> = []
            paths = (project.files.flatMap(\.metrics) + outputs).filter { seen.insert($0).inserted }
        }
        return try paths.compactMap { path in
            do {
                guard let bytes = try content.read(path) ?? cache?.read(path) else {
                    let error = MLError(.notFound, "'\(path)' does not exist")
                    return ValueFile(
                        path: path, tree: [:], problem: error, isAbsent: !targets.contains(path))
                }
                let tree = try Params.load(bytes, name: path)
                return ValueFile(path: path, tree: kind == .metrics ? Metrics.only(tree) : tree)
            } catch let error as MLError where error.code != .missingObject {
                return ValueFile(path: path, tree: [:], problem: error)
            }
        }
    }

    func files(ofRevision revision: String, _ session: RunSession) throws -> [ValueFile] {
        let commit = try session.repository.commit(revision)
        let content = session.runs.content(of: commit, fetch: session.fetch)
        let project = try session.runs.project(of: commit, content)
        let cache =
            kind == .metrics
            ? project.map { DVCCache(root: session.repository.workTree, project: $0, content: content) } : nil
        return try files(targets.isEmpty ? project : nil, content, cache: cache)
    }

    func filesOfWorkTree(_ session: RunSession) throws -> [ValueFile] {
        let cache = session.runs.statCache()
        let content = try session.runs.workTreeContent(cache)
        return try files(targets.isEmpty ? session.runs.project(content) : nil, content)
    }

    /// Folders as the files of values below them.
    static func expand(_ targets: [String], _ session: RunSession) throws -> [String] {
        let top = try session.repository.requireWorkTree()
        let endings = [".yaml", ".yml", ".json", ".toml", ".py"]
        func files(_ path: String) throws -> [String] {
            guard Files.isDirectory(top + "/" + path) else { return [path] }
            return try Files.list(top + "/" + path).sorted().flatMap { name -> [String] in
                let below = path == "." ? name : path + "/" + name
                if Files.isDirectory(top + "/" + below) { return name == ".git" ? [] : try files(below) }
                return endings.contains(where: name.hasSuffix) ? [below] : []
            }
        }
        return try targets.flatMap(files)
    }

    /// `{file: {key: value}}`
    static func values(_ files: [ValueFile]) -> JSONObject {
        JSONObject(files.map { ($0.path, .object($0.leaves)) })
    }
}
