import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import RunKit

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Show or compare metric files.",
        subcommands: [MetricsShow.self, MetricsDiff.self])
}

struct ParamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "params", abstract: "Show or compare params.", subcommands: [ParamsShow.self, ParamsDiff.self])
}

/// What both kinds of files have in common: which they are, and how they read.
enum ValueKind {
    case metrics, params

    /// `{file: {key: value}}`, flattened, from a project's declared files.
    func values(_ project: Project?, _ content: any ContentSource) throws -> JSONObject {
        guard let project else { return [:] }
        switch self {
        case .params: return try ParamTable.values(project, content)
        case .metrics:
            let declared = project.files.flatMap(\.metrics)
            let outputs = project.stages.flatMap(\.outputs).filter { $0.kind == .metric }.map(\.path)
            var result = JSONObject()
            for path in declared + outputs where result[path] == nil {
                guard let bytes = try content.read(path) else { continue }
                result[path] = .object(try Metrics.load(bytes, name: path))
            }
            return result
        }
    }

    func values(ofRevision revision: String, _ session: RunSession) throws -> JSONObject {
        let commit = try session.repository.commit(revision)
        let content = session.runs.content(of: commit, fetch: session.fetch)
        return try values(session.runs.project(of: commit, content), content)
    }

    func valuesOfWorkTree(_ session: RunSession) throws -> JSONObject {
        let content = try session.runs.workTreeContent(session.runs.statCache())
        return try values(session.runs.project(content), content)
    }
}

struct ValueShowOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Revisions (default: the work tree).", valueName: "rev")) var revisions: [String] = []
    @Flag(help: "Print JSON in DVC's shape.") var json = false
    @Flag(help: "Print a Markdown table.") var md = false
    @OptionGroup var common: CommonOptions

    func run(_ kind: ValueKind) throws {
        let session = try RunSession(common)
        var found: [(String, JSONObject)] = []
        if revisions.isEmpty { found.append(("workspace", try kind.valuesOfWorkTree(session))) }
        for revision in revisions { found.append((revision, try kind.values(ofRevision: revision, session))) }
        if json {
            let document = found.map { name, files in
                (name, JSON.object(["data": .object(JSONObject(files.pairs.map { ($0.key, ["data": $0.value]) }))]))
            }
            session.ui.write(JSON.object(JSONObject(document)).pretty())
            return
        }
        var keys: [String] = []
        for (_, files) in found {
            for key in MetricNames.joined(files).keys where !keys.contains(key) { keys.append(key) }
        }
        var view = TableView(columns: [.text("Revision")] + keys.map { .metric($0) })
        for (name, files) in found {
            let values = MetricNames.joined(files)
            view.rows.append([name] + keys.map { TableView.spell(values[$0]) })
        }
        view.show(md ? .markdown : .terminal, session.ui)
    }
}

struct ValueDiffOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("A revision (default: HEAD).", valueName: "a")) var first: String?
    @Argument(help: ArgumentHelp("Another (default: the work tree).", valueName: "b")) var second: String?
    @Flag(help: "Unchanged ones too.") var all = false
    @Flag(help: "Print JSON in DVC's shape.") var json = false
    @Flag(help: "Print a Markdown table.") var md = false
    @Flag(help: "Leave out the column with the file.") var noPath = false
    @OptionGroup var common: CommonOptions

    func run(_ kind: ValueKind, _ title: String, hasChange: Bool) throws {
        let session = try RunSession(common)
        let old = try session.repository.head() == nil ? [:] : kind.values(ofRevision: first ?? "HEAD", session)
        let new = try second.map { try kind.values(ofRevision: $0, session) } ?? kind.valuesOfWorkTree(session)
        let diff = ValueDiff(old: old, new: new, includesEqual: all)
        if json { return session.ui.write(diff.json.compact() + "\n") }
        if diff.rows.isEmpty { return }
        DiffView.view(diff, title, first ?? "HEAD", second ?? "workspace", hasChange: hasChange, showsPath: !noPath)
            .show(md ? .markdown : .terminal, session.ui)
    }
}

struct MetricsShow: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show metrics.")
    @OptionGroup var options: ValueShowOptions
    func run() throws { try options.run(.metrics) }
}

struct MetricsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "diff", abstract: "Compare metrics of two revisions.")
    @OptionGroup var options: ValueDiffOptions
    func run() throws { try options.run(.metrics, "Metric", hasChange: true) }
}

struct ParamsShow: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show params.")
    @OptionGroup var options: ValueShowOptions
    func run() throws { try options.run(.params) }
}

struct ParamsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "diff", abstract: "Compare params of two revisions.")
    @OptionGroup var options: ValueDiffOptions
    func run() throws { try options.run(.params, "Param", hasChange: false) }
}
