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
        commandName: "list", abstract: "List experiments by what they began from.")
    @Flag(name: [.long, .customLong("names-only")], help: "Names only.") var nameOnly = false
    @Flag(name: .customLong("sha-only"), help: "Commits only.") var shaOnly = false
    @Flag(name: [.customShort("A"), .long], help: "Of all commits (they always are).") var allCommits = false
    @Option(parsing: .singleValue, help: ArgumentHelp("Only what began from this commit.", valueName: "rev"))
    var rev: [String] = []
    @Flag(help: "Print JSON: {version, experiments}.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let bases = try rev.map { try session.repository.commit($0).id }
        let all = try (session.runs.experiments.list() + session.runs.experiments.queue())
            .filter { bases.isEmpty || bases.contains($0.base) }
        if shaOnly { return all.forEach { session.ui.print($0.commit?.id.hex ?? "") } }
        if json {
            let items = all.map { experiment -> JSON in
                [
                    "name": .string(experiment.name), "state": .string(experiment.state.rawValue),
                    "commit": .string(experiment.commit?.id.hex ?? ""), "base": .string(experiment.base.hex),
                    "set": .object(experiment.set),
                ]
            }
            return session.ui.write(JSON.object(["version": 1, "experiments": .array(items)]).pretty())
        }
        if nameOnly { return all.forEach { session.ui.print($0.name) } }
        let names = try ExperimentView.baseNames(session)
        var groups: [GitID] = []
        for experiment in all where !groups.contains(experiment.base) { groups.append(experiment.base) }
        for base in groups {
            session.ui.print("\(names[base] ?? base.short):")
            for experiment in all where experiment.base == base {
                let state = experiment.state == .done ? "" : " \(experiment.state.rawValue)"
                session.ui.print("\t\(experiment.commit?.id.short ?? "") [\(experiment.name)]\(state)")
            }
        }
    }
}

struct ExpDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare metrics and params of experiments or commits.")
    @Argument(help: ArgumentHelp("An experiment or a revision (default: HEAD).", valueName: "a")) var first: String?
    @Argument(help: ArgumentHelp("Another (default: the work tree).", valueName: "b")) var second: String?
    @Flag(help: "Unchanged ones too.") var all = false
    @Flag(help: "Leave out the column with the file.") var noPath = false
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
        if let found = try? session.runs.experiments.find(name) { return (found.metrics, found.params) }
        let snapshot = try session.runs.snapshot(of: session.repository.commit(name))
        return (snapshot.metrics, snapshot.params)
    }

    private func workTree(_ session: RunSession) throws -> (metrics: JSONObject, params: JSONObject) {
        let snapshot = try session.runs.snapshotOfWorkTree()
        return (snapshot.metrics, snapshot.params)
    }
}

struct ExpApply: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Put what an experiment changed into the work tree; --undo takes it back.")
    @Argument(help: "An experiment.") var name: String?
    @Flag(help: "Bring back what the files were before the last 'apply'.") var undo = false
    @Flag(name: .shortAndLong, help: "Also over files that were changed here.") var force = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
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
        commandName: "remove", abstract: "Remove experiments from the list.", aliases: ["rm"])
    @Argument(help: ArgumentHelp("Experiments.", valueName: "name")) var names: [String] = []
    @Flag(name: [.customShort("A"), .long], help: "All experiments.") var all = false
    @Flag(help: "What waits in the queue.") var queue = false
    @Flag(help: "Experiments that failed or were stopped.") var failed = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if names.isEmpty && !all && !queue && !failed { throw ValidationError("name experiments, or use --all") }
    }

    func run() throws {
        let session = try RunSession(common)
        let store = session.runs.experiments
        var chosen = try names.map { try store.find($0) }
        if all { chosen += try store.list() }
        if failed { chosen += try store.list().filter { $0.state == .failed || $0.state == .stopped } }
        if queue { chosen += try store.queue() }
        var seen: Set<String> = []
        chosen = chosen.filter { seen.insert(store.reference($0)).inserted }
        try store.remove(chosen)
        for experiment in chosen {
            session.ui.summary("Removed '\(experiment.name)' (was \(experiment.commit?.id.short ?? "")).")
        }
    }
}

struct ExpRename: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rename", abstract: "Give an experiment another name.")
    @Argument(help: "An experiment.") var name: String
    @Argument(help: "Its new name.") var newName: String
    @Flag(name: .shortAndLong, help: "In place of one that has the name.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let store = session.runs.experiments
        try store.rename(store.find(name), to: newName, replacing: force)
    }
}

struct ExpPush: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Push experiments, their data and records to a Git remote.")
    @Argument(help: ArgumentHelp("A Git remote, then experiments (default: all).", valueName: "remote name"))
    var words: [String] = []
    @Flag(name: .shortAndLong, help: "In place of others of the same name.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let (remote, names) = try ExpExchange.split(words, session)
        let store = session.runs.experiments
        let chosen = try names.isEmpty ? store.list() : names.map { try store.find($0) }
        if chosen.isEmpty { return session.ui.status("There are no experiments.") }
        let references = chosen.map { "\(force ? "+" : "")\(store.reference($0)):\(store.reference($0))" }
        // With the hooks: they upload the data first, and the records.
        let answer = try session.repository.git.start(["push", "--quiet", remote] + references, errors: .inherit)
        guard answer.status == 0 else {
            throw MLError(
                .failed, "experiments could not be pushed to '\(remote)'",
                hint: "others of the same name are there? 'git mlrun exp rename', or --force")
        }
        try RunExchange(session.repository).push(remote)
        session.ui.summary("Pushed \(Quantity.count(chosen.count, "experiment")) to '\(remote)'.")
    }
}

struct ExpPull: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch experiments and records from a Git remote.")
    @Argument(help: ArgumentHelp("A Git remote, then experiments (default: all).", valueName: "remote name"))
    var words: [String] = []
    @Flag(name: .shortAndLong, help: "In place of ours of the same name.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let (remote, names) = try ExpExchange.split(words, session)
        let sign = force ? "+" : ""
        let prefix = ExperimentStore.prefix
        let specs =
            names.isEmpty ? ["\(sign)\(prefix)*:\(prefix)*"] : names.map { "\(sign)\(prefix)\($0):\(prefix)\($0)" }
        let before = try session.runs.experiments.list().count
        let answer = try session.repository.git.start(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", remote] + specs)
        guard answer.status == 0 else {
            let words = answer.errorText.split(separator: "\n").last.map(String.init) ?? ""
            throw MLError(
                .failed, "experiments could not be fetched from '\(remote)': \(words)",
                hint: "one of ours has the same name? 'git mlrun exp rename', or --force")
        }
        try RunExchange(session.repository).fetch(remote)
        let count = try session.runs.experiments.list().count - before
        session.ui.summary("Fetched \(Quantity.count(count, "new experiment")) from '\(remote)'.")
    }
}

enum ExpExchange {
    /// The first word is a remote when there is one of that name, or it looks like an address.
    static func split(_ words: [String], _ session: RunSession) throws -> (remote: String, names: [String]) {
        let remotes = try session.repository.git.run(["remote"]).text.split(separator: "\n").map(String.init)
        if let first = words.first, remotes.contains(first) || first.contains("/") || first.contains(":") {
            return (first, Array(words.dropFirst()))
        }
        return (try session.gitRemote(nil), words)
    }
}
