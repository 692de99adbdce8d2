import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct ExpSave: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Keep the files as they are as an experiment; nothing runs.")
    @Option(name: .shortAndLong, help: ArgumentHelp("The experiment's name.", valueName: "name")) var name: String?
    @Option(
        name: [.customShort("I"), .long], parsing: .singleValue,
        help: ArgumentHelp("An untracked file or folder to keep too.", valueName: "path"))
    var includeUntracked: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("What it is, in words.", valueName: "text")) var message: String?
    @Flag(name: .shortAndLong, help: "In place of an experiment of the same name.") var force = false
    @Flag(help: "Print JSON: {version, name, commit}.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        guard let head = try session.repository.head() else {
            throw MLError(.notFound, "there is no commit yet", hint: "make the first one with 'git commit'")
        }
        let runner = ExperimentRunner(session.runs, program: Executable.sibling("git-mlrun"), host: hostName())
        let tree = try runner.currentTree(
            including: includeUntracked.map { try session.repository.repositoryPath($0) })
        let now = try session.runs.snapshotOfWorkTree()
        let before = try session.runs.snapshot(of: head)
        let changed = ValueDiff(old: before.params, new: now.params, includesEqual: false)
        var set = JSONObject()
        for row in changed.rows {
            set[row.file == "params.yaml" ? row.key : "\(row.file):\(row.key)"] = row.new ?? .null
        }
        var experiment = Experiment(
            name: name ?? session.runs.experiments.freeName(), state: .done, base: head.id, set: set)
        experiment.params = now.params
        // Metric files as they are; runs that made other values have no say.
        experiment.metrics = ValueSelection.values(try ValueSelection(kind: .metrics).filesOfWorkTree(session))
        for (file, values) in now.metrics.pairs where experiment.metrics[file] == nil {
            experiment.metrics[file] = values
        }
        experiment.duration = now.duration ?? 0
        experiment.host = hostName()
        experiment.summary = message
        experiment.files = try session.runs.stageFilesOfWorkTree()
        let saved = try session.runs.experiments.save(experiment, tree: tree, replacing: force)
        if json {
            let document: JSON = [
                "version": 1, "name": .string(saved.name), "commit": .string(saved.commit?.id.hex ?? ""),
            ]
            return session.ui.write(document.pretty())
        }
        session.ui.print("Experiment has been saved as: \(saved.name)")
    }
}
