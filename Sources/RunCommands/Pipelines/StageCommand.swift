import ArgumentParser
import Base
import CommandKit
import Pipelines
import Reports
import RunKit

struct StageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage", abstract: "Add a stage to the pipeline, or list the stages.",
        subcommands: [StageAdd.self, StageList.self])
}

struct StageList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List stages with what they say of themselves.")

    @Argument(help: ArgumentHelp("Stages, files or folders (default: this folder's).", valueName: "target"))
    var targets: [String] = []
    @Flag(help: "All stages of the repository.") var all = false
    @Flag(name: [.customShort("R"), .long], help: "Stages in the folders given and below.") var recursive = false
    @Flag(name: [.long, .customLong("names-only")], help: "Only names.") var nameOnly = false
    @Option(help: ArgumentHelp("Only stages with this tag (meta.mlrun.tags).", valueName: "tag")) var tag: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let graph = try session.runs.project(session.runs.workTreeContent(session.runs.statCache())).graph
        var options = ReproOptions()
        options.targets = targets
        options.folder = session.folder
        options.allPipelines = all
        options.recursive = recursive
        options.tag = tag
        let stages = try options.roots(in: graph).map { graph.stages[$0] }
        let names = stages.map { $0.address(from: session.folder) }
        if nameOnly { return names.forEach { session.ui.print($0) } }
        let width = names.map { TextWidth.columns($0) }.max() ?? 0
        for (stage, name) in zip(stages, names) {
            let padding = String(repeating: " ", count: width - TextWidth.columns(name))
            let text = stage.listing
            session.ui.print(text.isEmpty ? name : "\(name)\(padding)  \(text)")
        }
    }
}

extension Stage {
    /// One line, as DVC's `stage list` words it: the description, or what the stage makes.
    var listing: String {
        if let summary { return summary.split(separator: "\n").first.map(String.init) ?? "" }
        func paths(_ kinds: [Output.Kind]) -> String {
            outputs.filter { kinds.contains($0.kind) }.map { RepositoryPath.relative($0.path, to: directory) }
                .joined(separator: ", ")
        }
        let data = paths([.data])
        let reports = paths([.metric, .plot])
        let parts = [data.isEmpty ? nil : "Outputs \(data)", reports.isEmpty ? nil : "Reports \(reports)"]
        let text = parts.compactMap { $0 }.joined(separator: "; ")
        return text.isEmpty ? (dependencies.isEmpty ? "No outputs or dependencies" : "No outputs") : text
    }
}

struct StageAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a stage to this folder's pipeline file.",
        discussion: """
            Example:
              git mlrun stage add -n train -d train.py -p lr,epochs -o model -M metrics.json python train.py
            """)

    @Option(name: .shortAndLong, help: "The stage's name.") var name: String
    @Flag(name: .shortAndLong, help: "Overwrite a stage of this name.") var force = false
    @Flag(name: .customLong("run"), help: "Run it at once.") var runsAtOnce = false
    @Option(name: .shortAndLong, help: "What it reads.") var deps: [String] = []
    @Option(name: .shortAndLong, help: "Params it reads: [FILE:]KEY,KEY") var params: [String] = []
    @Option(name: .shortAndLong, help: "What it makes.") var outs: [String] = []
    @Option(name: [.customShort("O"), .long], help: "What it makes, not kept in the store.") var outsNoCache: [String] =
        []
    @Option(help: "What it makes and continues from.") var outsPersist: [String] = []
    @Option(help: "The same, not kept in the store.") var outsPersistNoCache: [String] = []
    @Option(name: .shortAndLong, help: "A metric file it makes.") var metrics: [String] = []
    @Option(name: [.customShort("M"), .long], help: "A metric file, not kept in the store.") var metricsNoCache:
        [String] = []
    @Option(help: "A plot it makes.") var plots: [String] = []
    @Option(help: "A plot, not kept in the store.") var plotsNoCache: [String] = []
    @Option(name: .shortAndLong, help: "The folder its command runs in.") var wdir: String?
    @Flag(help: "Run it each time.") var alwaysChanged = false
    @Option(help: "What it is for.") var desc: String?
    @Argument(parsing: .captureForPassthrough, help: "The command.") var command: [String]
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let content = try session.runs.workTreeContent(session.runs.statCache())
        let file = try PipelineEdit.file(in: session.folder, content)
        var draft = StageDraft(name: name, command: commandText)
        draft.directory = wdir == "." ? nil : wdir
        draft.summary = desc
        draft.isAlwaysChanged = alwaysChanged
        draft.dependencies = deps
        draft.params = params
        draft.outputs =
            outs.map { .init(path: $0) } + outsNoCache.map { .init(path: $0, isCached: false) }
            + outsPersist.map { .init(path: $0, isPersistent: true) }
            + outsPersistNoCache.map { .init(path: $0, isCached: false, isPersistent: true) }
            + metrics.map { .init(path: $0, kind: .metric) }
            + metricsNoCache.map { .init(path: $0, kind: .metric, isCached: false) }
            + plots.map { .init(path: $0, kind: .plot) }
            + plotsNoCache.map { .init(path: $0, kind: .plot, isCached: false) }
        let old = try content.read(file).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let text = try PipelineEdit.add(draft, to: old, name: file, replacing: force)
        // What was written must read back, and fit the other stages of the project.
        let edited = try PipelineFile(parsing: Array(text.utf8), path: file) { try content.read($0) }
        let others = try session.runs.project(content).files.filter { $0.path != file }
        _ = try Project(others + [edited])
        try Files.writeAtomically(text, to: Files.join(content.root, file))
        session.ui.status("Added stage '\(name)' in '\(file)'")
        if runsAtOnce { try Repro.parse(["--single-item", "--", name]).run() }
    }

    /// One word is a whole command; several are joined as DVC joins them.
    private var commandText: String {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        if words.count < 2 { return words.first ?? "" }
        return words.map { $0.isEmpty ? "\"\"" : $0.contains(" ") && !$0.contains("\"") ? "\"\($0)\"" : $0 }
            .joined(separator: " ")
    }
}

struct Freeze: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze", abstract: "Freeze stages: 'repro' passes them over.")
    @Argument(help: ArgumentHelp("Stages.", valueName: "target")) var targets: [String]
    @OptionGroup var common: CommonOptions
    func run() throws { try PipelineEdit.setFrozen(true, targets, RunSession(common)) }
}

struct Unfreeze: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unfreeze", abstract: "Let 'repro' look at frozen stages again.")
    @Argument(help: ArgumentHelp("Stages.", valueName: "target")) var targets: [String]
    @OptionGroup var common: CommonOptions
    func run() throws { try PipelineEdit.setFrozen(false, targets, RunSession(common)) }
}

extension PipelineEdit {
    /// The pipeline file of a folder; `dvc.yaml` when it has none yet and other folders do so, else `mlrun.yaml`.
    static func file(in folder: String, _ content: WorkTreeContent) throws -> String {
        for name in PipelineFile.names where try content.read(Files.join(folder, name)) != nil {
            return try RepositoryPath.normalize(name, in: folder)
        }
        return try RepositoryPath.normalize(
            Files.exists(content.root + "/.dvc") ? "dvc.yaml" : "mlrun.yaml", in: folder)
    }

    static func setFrozen(_ isFrozen: Bool, _ targets: [String], _ session: RunSession) throws {
        let content = try session.runs.workTreeContent(session.runs.statCache())
        let graph = try session.runs.project(content).graph
        for target in targets {
            for index in try graph.resolve(target: target, in: session.folder) {
                let stage = graph.stages[index]
                guard stage.isFrozen != isFrozen else { continue }
                let old = String(decoding: try content.read(stage.file) ?? [], as: UTF8.self)
                let text = try PipelineEdit.setFrozen(
                    isFrozen, stage: stage.group ?? stage.name, in: old, name: stage.file)
                try Files.writeAtomically(text, to: Files.join(content.root, stage.file))
            }
        }
    }
}
