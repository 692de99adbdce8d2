import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

/// `git mlrun exp`: runs with changed params, each kept as a commit.
struct ExpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exp", abstract: "Run, compare and keep experiments.",
        discussion: """
            Experiments run in work trees of their own, begin with the files you see, and are kept as commits under
            refs/mlrun/exps. Your files are not touched until 'exp apply'.

            Examples:
              git mlrun exp run --set lr=0.1,0.01 --set depth='range(2,6)' -j 2
              git mlrun exp run --set 'lr=log(1e-5..1e-1)' --search tpe --trials 30 --metric accuracy --max
              git mlrun exp show --sort accuracy
              git mlrun exp apply brave-otter
            """,
        subcommands: [
            ExpRun.self, ExpList.self, ExpShow.self, ExpDiff.self, ExpApply.self, ExpBranch.self, ExpRemove.self,
            ExpRename.self, ExpPush.self, ExpPull.self, ExpRerun.self, ExpSave.self,
        ])
}

struct ExpList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List experiments by what they began from, here or on a Git remote.")
    @Argument(help: ArgumentHelp("A Git remote or its URL (default: those here).", valueName: "git-remote"))
    var remote: String?
    @Flag(name: [.long, .customLong("names-only")], help: "Names only.") var nameOnly = false
    @Flag(name: [.customLong("sha-only"), .customLong("shas-only")], help: "Commits only.") var shaOnly = false
    @OptionGroup var selection: ExperimentSelection
    @Flag(help: "Print JSON: {version, experiments}.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let bases = try selection.bases(session.repository)
        let all = try remote.map { try ExpExchange.list($0, session) } ?? local(session)
        try show(all.filter { item in item.base.map { bases?.contains($0) ?? true } ?? (bases == nil) }, session)
    }

    private func local(_ session: RunSession) throws -> [ListedExperiment] {
        try (session.runs.experiments.list() + session.runs.experiments.queue()).map {
            ListedExperiment(
                name: $0.name, commit: $0.commit?.id, base: $0.base, state: $0.state.rawValue, set: $0.set)
        }
    }

    private func show(_ all: [ListedExperiment], _ session: RunSession) throws {
        if shaOnly { return all.forEach { session.ui.print($0.commit?.hex ?? "") } }
        if json {
            let items = all.map { experiment -> JSON in
                [
                    "name": .string(experiment.name), "state": .string(experiment.state),
                    "commit": .string(experiment.commit?.hex ?? ""),
                    "base": experiment.base.map { .string($0.hex) } ?? .null, "set": .object(experiment.set),
                ]
            }
            return session.ui.write(JSON.object(["version": 1, "experiments": .array(items)]).pretty())
        }
        if nameOnly { return all.forEach { session.ui.print($0.name) } }
        let names = try ExperimentView.baseNames(session)
        var groups: [GitID?] = []
        for experiment in all where !groups.contains(experiment.base) { groups.append(experiment.base) }
        for base in groups {
            session.ui.print("\(base.map { names[$0] ?? $0.short } ?? "not fetched"):")
            for experiment in all where experiment.base == base {
                let state = ["done", ""].contains(experiment.state) ? "" : " \(experiment.state)"
                session.ui.print("\t\(experiment.commit?.short ?? "") [\(experiment.name)]\(state)")
            }
        }
    }
}

/// An experiment as a list shows it; of one on a remote that was never fetched only name and commit are known.
struct ListedExperiment {
    var name: String
    var commit: GitID?
    var base: GitID?
    var state = ""
    var set: JSONObject = [:]
}

struct ExpDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare metrics and params of experiments or commits.")
    @Argument(help: ArgumentHelp("An experiment or a revision (default: HEAD).", valueName: "a")) var first: String?
    @Argument(help: ArgumentHelp("Another (default: the work tree).", valueName: "b")) var second: String?
    @Flag(help: "Unchanged ones too.") var all = false
    @Flag(help: "Leave out the column with the file.") var noPath = false
    @Flag(help: "Only params that stages depend on.") var paramDeps = false
    @OptionGroup var output: ValueOutput
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let old = try side(first ?? "HEAD", session)
        let new = try second.map { try side($0, session) } ?? workTree(session)
        let metrics = ValueDiff(old: old.metrics, new: new.metrics, includesEqual: all)
        let params = ValueDiff(old: old.params, new: new.params, includesEqual: all)
        if output.json {
            return session.ui.write(
                JSON.object(["metrics": metrics.json, "params": params.json]).compact() + "\n")
        }
        var view = DiffView(
            title: "Metric", old: first ?? "HEAD", new: second ?? "workspace", hasChange: true, showsPath: !noPath,
            precision: output.decimals)
        var tables = [view.table(metrics)]
        view.title = "Param"
        tables.append(view.table(params))
        let texts = tables.filter { !$0.rows.isEmpty }.map { output.format.text($0) }
        session.ui.write(texts.joined(separator: output.md ? "" : "\n"))
    }

    private func side(_ name: String, _ session: RunSession) throws -> (metrics: JSONObject, params: JSONObject) {
        if let found = try? session.runs.experiments.find(name) {
            let params = try paramDeps ? found.commit.map { try session.runs.stageParams(of: $0) } : nil
            return (found.metrics, params ?? found.params)
        }
        let commit = try session.repository.commit(name)
        let snapshot = try session.runs.snapshot(of: commit)
        return (snapshot.metrics, try paramDeps ? session.runs.stageParams(of: commit) : snapshot.params)
    }

    private func workTree(_ session: RunSession) throws -> (metrics: JSONObject, params: JSONObject) {
        let snapshot = try session.runs.snapshotOfWorkTree()
        if !paramDeps { return (snapshot.metrics, snapshot.params) }
        let content = try session.runs.workTreeContent(session.runs.statCache())
        let params = try ParamTable.values(session.runs.project(content), content, stagesOnly: true)
        return (snapshot.metrics, params)
    }
}

struct ExpApply: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Put what an experiment changed into the work tree; --undo takes it back.")
    @Argument(help: "An experiment.") var name: String?
    @Flag(help: "Bring back what the files were before the last 'apply'.") var undo = false
    @Flag(name: .shortAndLong, help: "Also over files that were changed here.") var force = false
    @Flag(help: "Refuse to overwrite changes (the default; DVC's spelling).") var noForce = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if force && noForce { throw ValidationError("--force and --no-force exclude each other") }
        if (name == nil) != undo { throw ValidationError("name an experiment, or use --undo") }
    }

    func run() throws {
        let session = try RunSession(common)
        let apply = try ExperimentApply(session.repository)
        let paths: [String]
        if let name {
            let experiment = try session.runs.experiments.find(name)
            paths = try apply.apply(experiment, force: force)
            session.ui.summary("Applied '\(experiment.name)': \(Quantity.count(paths.count, "file")) changed.")
            session.ui.hint("'git mlrun exp apply --undo' takes it back")
        } else {
            paths = try apply.undo(force: force)
            session.ui.summary("Brought back \(Quantity.count(paths.count, "file")).")
        }
    }
}

struct ExpBranch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "branch", abstract: "Make a branch at an experiment's commit.")
    @Argument(help: "An experiment.") var name: String
    @Argument(help: ArgumentHelp("The new branch (default: NAME-branch).", valueName: "branch")) var branch: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let experiment = try session.runs.experiments.find(name)
        let branch = branch ?? "\(experiment.name)-branch"
        try session.repository.git.run(["branch", "--no-track", "--", branch, experiment.commit?.id.hex ?? ""])
        session.ui.summary("Branch '\(branch)' is at the experiment '\(experiment.name)'.")
        session.ui.hint("'git switch \(branch)' goes there")
    }
}

struct ExpRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove experiments from the list, here or on a Git remote.", aliases: ["rm"])
    @Argument(help: ArgumentHelp("Experiments.", valueName: "name")) var names: [String] = []
    @Flag(help: "All experiments.") var all = false
    @OptionGroup var selection: ExperimentSelection
    @Flag(help: "Remove all but those chosen.") var keep = false
    @Flag(help: "What waits in the queue.") var queue = false
    @Flag(help: "Experiments that failed or were stopped.") var failed = false
    @Option(name: .shortAndLong, help: ArgumentHelp("Remove them from this Git remote.", valueName: "git-remote"))
    var gitRemote: String?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if names.isEmpty && !all && !queue && !failed && !selection.isGiven {
            throw ValidationError("name experiments, or use --all")
        }
        if gitRemote != nil && (queue || failed) {
            throw ValidationError("--git-remote knows neither queue nor failures")
        }
    }

    func run() throws {
        let session = try RunSession(common)
        if let gitRemote { return try remove(from: gitRemote, session) }
        let store = session.runs.experiments
        var chosen = try names.map { try store.find($0) }
        let list = try store.list()
        if all || selection.isGiven { chosen += try selection.choose(list, session.repository) }
        if failed { chosen += list.filter { $0.state == .failed || $0.state == .stopped } }
        if queue { chosen += try store.queue() }
        var seen: Set<String> = []
        chosen = chosen.filter { seen.insert(store.reference($0)).inserted }
        if keep { chosen = list.filter { !seen.contains(store.reference($0)) } }
        try store.remove(chosen)
        for experiment in chosen {
            session.ui.summary("Removed '\(experiment.name)' (was \(experiment.commit?.id.short ?? "")).")
        }
        if chosen.isEmpty { session.ui.status("There are no experiments to remove.") }
    }

    private func remove(from remote: String, _ session: RunSession) throws {
        let there = try ExpExchange.list(remote, session)
        for name in names where !there.contains(where: { $0.name == name }) {
            throw MLError(
                .notFound, "there is no experiment '\(name)' on '\(remote)'",
                hints: NearestName.hints(name, in: there.map(\.name)))
        }
        let bases = try selection.bases(session.repository)
        var chosen = there.filter { item in
            names.contains(item.name) || all
                || (selection.isGiven && (item.base.map { bases?.contains($0) ?? true } ?? (bases == nil)))
        }
        if keep { chosen = there.filter { item in !chosen.contains { $0.name == item.name } } }
        if chosen.isEmpty { return session.ui.status("There are no experiments to remove.") }
        try ExpExchange.push(chosen.map { ":\(ExperimentStore.prefix)\($0.name)" }, to: remote, session)
        for item in chosen { session.ui.summary("Removed '\(item.name)' from '\(remote)'.") }
    }
}

struct ExpRename: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rename", abstract: "Give an experiment another name.")
    @Argument(help: "An experiment.") var name: String
    @Argument(help: "Its new name.") var newName: String
    @Option(name: .shortAndLong, help: ArgumentHelp("Rename it on this Git remote.", valueName: "git-remote"))
    var gitRemote: String?
    @Flag(name: .shortAndLong, help: "In place of one that has the name.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let store = session.runs.experiments
        guard let gitRemote else { return try store.rename(store.find(name), to: newName, replacing: force) }
        try ExperimentStore.checkName(newName)
        let there = try ExpExchange.list(gitRemote, session)
        guard let commit = there.first(where: { $0.name == name })?.commit else {
            throw MLError(
                .notFound, "there is no experiment '\(name)' on '\(gitRemote)'",
                hints: NearestName.hints(name, in: there.map(\.name)))
        }
        if !force && there.contains(where: { $0.name == newName }) { throw ExperimentStore.taken(newName) }
        guard session.repository.contains(commit) else {
            throw MLError(
                .missingObject, "the experiment '\(name)' of '\(gitRemote)' is not here",
                hint: "'git mlrun exp pull \(gitRemote) \(name)' first")
        }
        let prefix = ExperimentStore.prefix
        try ExpExchange.push(
            ["+\(commit.hex):\(prefix)\(newName)", ":\(prefix)\(name)"], to: gitRemote, session)
        session.ui.summary("Renamed '\(name)' to '\(newName)' on '\(gitRemote)'.")
    }
}
