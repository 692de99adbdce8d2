import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct ExpShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show experiments as a table, or one of them.",
        discussion: """
            Examples:
              git mlrun exp show --sort accuracy --filter 'lr<0.1'
              git mlrun exp show --seeds
              git mlrun exp show brave-otter --log
            """)
    @Argument(help: ArgumentHelp("An experiment.", valueName: "name")) var name: String?
    @Flag(help: "Print what the experiment's run said.") var log = false
    @Option(help: ArgumentHelp("Sort by a metric or param, the largest first.", valueName: "name")) var sort: String?
    @Option(help: ArgumentHelp("The same, the smallest first, as in DVC.", valueName: "name")) var sortBy: String?
    @Flag(help: "Leave out experiments that failed.") var hideFailed = false
    @Flag(help: "Leave out experiments that wait.") var hideQueued = false
    @Flag(help: "Leave out the work tree.") var hideWorkspace = false
    @OptionGroup var selection: ExperimentSelection
    @Flag(name: [.customShort("a"), .long], help: "Only what began from the tips of branches.") var allBranches = false
    @Flag(name: [.customShort("T"), .long], help: "Only what began from tags.") var allTags = false
    @Option(help: ArgumentHelp("asc or desc.", valueName: "order")) var sortOrder: Log.SortOrder?
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Leave out columns whose names match from the beginning.", valueName: "regex"))
    var drop: [String] = []
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("With --only-changed: keep these columns all the same.", valueName: "regex"))
    var keep: [String] = []
    @Flag(help: "Only params that stages depend on.") var paramDeps = false
    @Flag(help: "Commits in place of the names of branches and tags.") var sha = false
    @Flag(help: "Do not use a pager (none is used; DVC's spelling).") var noPager = false
    @Flag(name: .shortAndLong, help: "Read everything again (it always is; DVC's spelling).") var force = false
    @Option(help: ArgumentHelp("Only experiments where this holds.", valueName: "expression")) var filter: String?
    @Flag(help: "Only columns that differ.") var onlyChanged = false
    @Flag(help: "Join experiments that differ in the seed alone: mean ± 95 % interval.") var seeds = false
    @Option(help: ArgumentHelp("The param that holds the seed.", valueName: "key")) var seedParam = "seed"
    @OptionGroup var output: ValueOutput
    @OptionGroup var common: CommonOptions

    func validate() throws { if log && name == nil { throw ValidationError("--log needs an experiment") } }

    func run() throws {
        let session = try RunSession(common)
        if let name { return try show(session.runs.experiments.find(name), session) }
        let filter = try filter.map { try FilterExpression($0) }
        var found = try session.runs.experiments.list() + session.runs.experiments.queue()
        let wanted = try bases(session)
        if let wanted { found = found.filter { wanted.contains($0.base) } }
        if hideFailed { found = found.filter { $0.state != .failed && $0.state != .stopped } }
        if hideQueued { found = found.filter { $0.state != .queued } }
        if let filter {
            found = found.filter { experiment in
                let entry = experiment.entry
                return filter.matches { $0 == "state" ? .string(experiment.state.rawValue) : entry.value($0) }
            }
        }
        if let key = sort ?? sortBy {
            let order = sortOrder ?? (sort == nil ? .asc : .desc)
            let byCommit = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
            let sorted = HistoryTable(found.map(\.entry)).sorted(by: key, descending: order == .desc)
            found = sorted.compactMap { byCommit[$0.subject] }
        }
        if seeds { return showSeeds(found, session.ui) }
        let columns = ExperimentView.Columns(
            onlyChanged: onlyChanged, drop: try drop.map { try ColumnPattern($0) },
            keep: try keep.map { try ColumnPattern($0) }, stageParamsOnly: paramDeps)
        let view = try ExperimentView(
            found, session, columns, bases: wanted, hasWorkTree: !hideWorkspace, hasNames: !sha,
            isForPeople: !output.csv && !output.json)
        if output.json { return session.ui.write(view.json().compact() + "\n") }
        if output.csv { return session.ui.write(view.csv()) }
        view.table(precision: output.decimals ?? 5).show(output.md ? .markdown : .terminal, session.ui)
    }

    /// The commits whose experiments are asked for; nil for all.
    private func bases(_ session: RunSession) throws -> Set<GitID>? {
        var tips: [String] = []
        if allBranches { tips += try session.repository.references(matching: "refs/heads/*") }
        if allTags { tips += try session.repository.references(matching: "refs/tags/*") }
        return try selection.bases(session.repository, and: tips)
    }

    private func show(_ experiment: Experiment, _ session: RunSession) throws {
        let ui = session.ui
        if log {
            guard let id = experiment.log, let text = try session.runs.records.log(id) else {
                throw MLError(
                    .missingObject, "the log of '\(experiment.name)' is not here", hint: "run 'git mlrun fetch'")
            }
            return try ui.write(text)
        }
        if output.json {
            var document: JSONObject = [
                "version": 1, "name": .string(experiment.name), "state": .string(experiment.state.rawValue),
                "base": .string(experiment.base.hex), "set": .object(experiment.set),
            ]
            document["commit"] = .string(experiment.commit?.id.hex ?? "")
            document["params"] = .object(experiment.params)
            document["metrics"] = .object(experiment.metrics)
            document["steps"] = .object(experiment.steps)
            document["deps"] = .object(experiment.files.dependencies)
            document["outs"] = .object(experiment.files.outputs)
            document["duration"] = .number(experiment.duration)
            return ui.write(JSON.object(document).pretty())
        }
        ui.print("experiment \(experiment.name)  (\(experiment.state.rawValue))")
        ui.print("commit \(experiment.commit?.id.hex ?? "")\nbase   \(experiment.base.hex)")
        ui.print("ran \(Quantity.duration(experiment.duration))\(experiment.host.map { " on \($0)" } ?? "")\n")
        for (title, values) in [("Metric", experiment.metrics), ("Param", experiment.params)] where !values.isEmpty {
            var table = PlainTable(["Path", title, "Value"])
            for (file, keys) in values.pairs {
                for (key, value) in keys.objectValue?.pairs ?? [] {
                    table.rows.append([
                        file.isEmpty ? "-" : file, key, ValueText.spell(value, precision: output.decimals),
                    ])
                }
            }
            ui.write(output.format.text(table) + "\n")
        }
    }

    private func showSeeds(_ found: [Experiment], _ ui: UserInterface) {
        let groups = SeedGroups(found.filter { $0.state == .done }.map(\.entry), seed: seedParam)
        if output.json { return ui.write(JSON.object(["version": 1, "groups": groups.json]).pretty()) }
        var table = PlainTable(groups.params + ["n"] + groups.metrics)
        for group in groups.groups {
            table.rows.append(
                groups.params.map { ValueText.spell(group.params[$0]) } + [String(group.count)]
                    + groups.metrics.map { name in
                        guard let statistics = group.metrics[name] else { return "-" }
                        let mean = ValueText.spell(.number(statistics.mean), precision: output.decimals)
                        return statistics.margin.map {
                            "\(mean) ± \(ValueText.spell(.number($0), precision: output.decimals))"
                        } ?? mean
                    })
        }
        ui.write(output.format.text(table))
    }
}
