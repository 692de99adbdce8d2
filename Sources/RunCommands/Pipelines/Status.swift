import ArgumentParser
import Base
import CommandKit
import Pipelines
import RunKit

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show which stages are stale, and why.",
        discussion: """
            Each stage is compared with its last run, as 'dvc status' does; nothing runs. What follows from other stages
            is told by 'repro --dry'.
            """)

    @Argument(help: ArgumentHelp("Stages or outputs.", valueName: "target")) var targets: [String] = []
    @Flag(help: "Print JSON in DVC's shape.") var json = false
    @Flag(help: "Exit 1 when something is stale.") var exitCode = false
    @Flag(name: .shortAndLong, help: "What the remote store lacks of the tracked files, or the local one.") var cloud =
        false
    @Option(name: .shortAndLong, help: ArgumentHelp("The same for this remote store.", valueName: "store"))
    var remote: String?
    @Flag(name: .shortAndLong, help: "With targets: what they depend on too.") var withDeps = false
    @Flag(name: [.customShort("R"), .long], help: "All stages in the folders given and below.") var recursive = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        if cloud || remote != nil {
            return try CloudStatus(store: remote).show(session, json: json, exitCode: exitCode, isQuiet: common.quiet)
        }
        let cache = session.runs.statCache()
        defer { cache.save() }
        let content = try session.runs.workTreeContent(cache)
        let project = try session.runs.project(content)
        var options = ReproOptions()
        options.targets = targets
        options.folder = session.folder
        options.recursive = recursive
        options.allPipelines = targets.isEmpty && !recursive
        let graph = project.graph
        let order = try withDeps || targets.isEmpty ? options.order(in: graph) : options.roots(in: graph)
        let variables = processEnvironment()
        let planner = Planner(
            lookup: session.runs.records, locked: LockedStages(root: content.root), environment: { variables[$0] })
        let params = ParamReader(content: content)
        var stale: [(address: String, changes: StageChanges)] = []
        var restorable: [String] = []
        for stage in order.map({ graph.stages[$0] }) where !stage.isFrozen {
            let reasons: [Reason]
            do {
                let plan = try planner.plan(stage, content: content, params: params)
                reasons = plan.reasons
                if case .cached = plan.state { restorable.append(stage.address(from: session.folder)) }
            } catch let error as MLError where error.code == .notFound {
                stale.append((stage.address(from: session.folder), StageChanges(problem: error.message)))
                continue
            }
            if reasons.isEmpty { continue }
            var changes = StageChanges(reasons, folder: session.folder)
            if reasons == [.neverRun] { try changes.describeNew(stage, content, params, folder: session.folder) }
            stale.append((stage.address(from: session.folder), changes))
        }
        // As in DVC: the exit code alone is the answer.
        if common.quiet {
            if !stale.isEmpty { throw ExitCode(ExitStatus.negative) }
            return
        }
        if json {
            let entries = stale.map { ($0.address, $0.changes.json) }
            session.ui.write(JSON.object(JSONObject(entries)).compact() + "\n")
        } else if stale.isEmpty {
            session.ui.print("Data and pipelines are up to date.")
        } else {
            for (address, changes) in stale {
                session.ui.print("\(address):")
                changes.lines.forEach { session.ui.print($0) }
            }
            for address in restorable {
                session.ui.hint("an earlier run of '\(address)' has these outputs: 'repro' restores them")
            }
        }
        if exitCode && !stale.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}

/// Reasons sorted as `dvc status` tells them: changed dependencies, changed outputs, then words.
struct StageChanges {
    /// `{path: change}`, params as `{file: {key: change}}`.
    private var dependencies: JSONObject = [:]
    private var outputs: JSONObject = [:]
    private var words: [String] = []

    init(problem: String) { words = [problem] }

    /// - Parameter folder: where the user stands; paths start there.
    init(_ reasons: [Reason], folder: String) {
        func relative(_ path: String) -> String { RepositoryPath.relative(path, to: folder) }
        for reason in reasons {
            switch reason {
            case .changedDependency(let path, let change):
                dependencies[relative(path)] = .string(change.rawValue)
            case .changedParam(let file, let key, let change):
                var keys = dependencies[relative(file)]?.objectValue ?? [:]
                keys[key] = .string(change.rawValue)
                dependencies[relative(file)] = .object(keys)
            case .missingOutput(let path): outputs[relative(path)] = "deleted"
            case .modifiedOutput(let path): outputs[relative(path)] = "modified"
            default: words.append(reason.description)
            }
        }
        // DVC tells files before params.
        let pairs = dependencies.pairs
        dependencies = JSONObject(
            pairs.filter { $0.value.objectValue == nil } + pairs.filter { $0.value.objectValue != nil })
    }

    /// A stage that never ran, as DVC tells it: what is there counts as modified, what is not as deleted.
    mutating func describeNew(
        _ stage: Stage, _ content: any ContentSource, _ params: ParamReader, folder: String
    ) throws {
        func relative(_ path: String) -> String { RepositoryPath.relative(path, to: folder) }
        func state(_ path: String) throws -> JSON { try content.id(of: path) == nil ? "deleted" : "modified" }
        for path in stage.dependencies { dependencies[relative(path)] = try state(path) }
        for param in try params.values(of: stage) { dependencies[relative(param.file)] = "new" }
        for output in stage.outputs { outputs[relative(output.path)] = try state(output.path) }
        if !dependencies.isEmpty || !outputs.isEmpty { words.removeAll() }
    }

    /// `[{"changed deps": …}, {"changed outs": …}, "changed command"]`
    var json: JSON {
        var list: [JSON] = []
        if !dependencies.isEmpty { list.append(["changed deps": .object(dependencies)]) }
        if !outputs.isEmpty { list.append(["changed outs": .object(outputs)]) }
        return .array(list + words.map { .string($0) })
    }

    /// Indented with tabs, the names in a column of their own.
    var lines: [String] {
        func line(_ change: JSON, _ name: String) -> String {
            let word = (change.stringValue ?? "") + ":"
            return word + String(repeating: " ", count: max(1, 20 - word.count)) + name
        }
        var lines: [String] = []
        for (title, changes) in [("changed deps", dependencies), ("changed outs", outputs)] where !changes.isEmpty {
            lines.append("\t\(title):")
            for (name, change) in changes.pairs {
                guard let keys = change.objectValue else {
                    lines.append("\t\t" + line(change, name))
                    continue
                }
                lines.append("\t\t\(name):")
                lines += keys.pairs.map { "\t\t\t" + line($0.value, $0.key) }
            }
        }
        return lines + words.map { "\t\($0)" }
    }
}
