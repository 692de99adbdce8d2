import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct ExpRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run experiments: one, a grid, or a search.",
        discussion: """
            A param takes one value, several (lr=0.1,0.01), a range of whole numbers (depth=range(2,8,2)), or, for a search,
            an interval (lr=0.001..0.1, lr=log(1e-5..1e-1)). FILE:KEY=VALUE names another file than params.yaml, +KEY=VALUE
            adds a key.
            """)

    @Argument(help: ArgumentHelp("Stages or outputs, as with 'repro'.", valueName: "target")) var targets: [String] = []
    @Option(
        name: [.customShort("S"), .customLong("set"), .customLong("set-param"), .customLong("params")],
        parsing: .singleValue,
        help: ArgumentHelp("Set a param.", valueName: "key=value")) var set: [String] = []
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The experiment's name; of several, what they begin with.", valueName: "name"))
    var name: String?
    @Option(
        name: .shortAndLong, help: ArgumentHelp("The first line of the experiment's commit.", valueName: "text"))
    var message: String?
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("An untracked or ignored file or folder that goes along.", valueName: "path"))
    var copyPaths: [String] = []
    @Flag(help: "Only print what would run, and why.") var dry = false
    @Flag(name: .shortAndLong, help: "Run stages that did not change; replace an experiment of the same name.")
    var force = false
    @Flag(help: "Do not run now: put it into the queue.") var queue = false
    @Flag(help: "Run what is in the queue.") var runAll = false
    @Option(
        name: [.customShort("j", allowingJoined: true), .long],
        help: ArgumentHelp("Experiments at a time.", valueName: "n")) var jobs = 1
    @Option(help: ArgumentHelp("Where stages run, as with 'repro': local or slurm.", valueName: "name"))
    var executor: String?
    @Option(help: ArgumentHelp("Run each with so many seeds: the param 'seed' from 1.", valueName: "n")) var seeds: Int?
    @Option(help: ArgumentHelp("The param that holds the seed.", valueName: "key")) var seedParam = "seed"
    @Option(help: "How a search goes: grid, random or tpe.") var search: SearchKind?
    @Option(help: ArgumentHelp("How many points a search tries.", valueName: "n")) var trials: Int?
    @Option(help: ArgumentHelp("What a search wants to improve.", valueName: "metric")) var metric: String?
    @Flag(help: "The larger the better (the default).") var max = false
    @Flag(help: "The smaller the better.") var min = false
    @Option(help: ArgumentHelp("Seed of the search.", valueName: "n")) var searchSeed: UInt64 = 1
    @Flag(help: "Stop trials that are worse than the median of the finished ones at the same step.") var medianStop =
        false
    @Flag(name: .shortAndLong, help: "Only the targets.") var singleItem = false
    @Flag(name: .shortAndLong, help: "The whole pipelines the targets belong to.") var pipeline = false
    @Flag(name: [.customShort("P"), .long], help: "All pipelines of the repository.") var allPipelines = false
    @Flag(name: .shortAndLong, help: "Go on with stages that do not depend on a failed one.") var keepGoing = false
    @Flag(help: "Fetch what is missing first.") var pull = false
    @Flag(help: "The targets and what depends on them.") var downstream = false
    @Flag(name: [.customShort("R"), .long], help: "All stages in the folders given and below.") var recursive = false
    @Flag(help: "Run what depends on a stage that ran, even if its inputs are the same.") var forceDownstream = false
    @Flag(help: "Go on with everything after a failure.") var ignoreErrors = false
    @Flag(help: "Outputs that are not here count as those of the record.") var allowMissing = false
    @Flag(help: "Run in a work tree of its own (always so; DVC's spelling).") var temp = false
    @OptionGroup var common: CommonOptions

    enum SearchKind: String, ExpressibleByArgument, CaseIterable { case grid, random, tpe }

    func validate() throws {
        if jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        if let seeds, seeds < 1 { throw ValidationError("--seeds must be at least 1") }
        if max && min { throw ValidationError("--max and --min exclude each other") }
        if runAll && (queue || !set.isEmpty || search != nil) {
            throw ValidationError("--run-all runs what is queued and takes nothing else")
        }
        if let search, search != .grid, trials ?? 0 < 1 { throw ValidationError("a search needs --trials N") }
        if (search == .tpe || medianStop) && metric == nil {
            throw ValidationError("say what to improve: --metric NAME")
        }
        if dry && (queue || runAll || search ?? .grid != .grid) {
            throw ValidationError("--dry goes with single points and grids that run now")
        }
        if queue && search == .tpe { throw ValidationError("tpe learns from results: it cannot be queued") }
        if medianStop && queue { throw ValidationError("--median-stop watches runs: it cannot be queued") }
    }

    func run() throws {
        let session = try RunSession(common)
        if runAll { return try runQueue(session) }
        guard let head = try session.repository.head() else {
            throw MLError(.notFound, "there is no commit yet", hint: "make the first one with 'git commit'")
        }
        let runner = ExperimentRunner(session.runs, program: Executable.sibling("git-mlrun"), host: hostName())
        let tree = try runner.currentTree()
        var ranges = try set.map { try ParamRange($0) }
        if let seeds {
            // A seed that no file has yet is a new param.
            let numbers = (1...seeds).map { JSON.integer(Int64($0)) }
            ranges.append(ParamRange(key: seedParam, values: .choices(numbers), mayAdd: true))
        }
        var campaign = Campaign(
            ui: session.ui, runner: runner, store: session.runs.experiments, base: head.id, tree: tree, ranges: ranges,
            arguments: arguments, name: name, force: force, jobs: jobs)
        campaign.summary = message
        campaign.copies = try copyPaths.map { try session.repository.repositoryPath($0) }
        for (path, given) in zip(campaign.copies, copyPaths) where !session.exists(path) {
            throw MLError(.notFound, "'\(given)' does not exist")
        }
        if dry { return try campaign.plan(GridSearch.points(ranges)) }
        let finished: [Experiment]
        if let search, search != .grid {
            let goal = Goal(metric: metric ?? "", wantsMaximum: !min, medianStop: medianStop)
            finished = try campaign.search(
                search == .tpe, trials: trials ?? 0, seed: searchSeed, goal: goal, queue: queue)
        } else {
            let points = try GridSearch.points(ranges)
            let goal = medianStop ? Goal(metric: metric ?? "", wantsMaximum: !min, medianStop: true) : nil
            finished = try queue ? campaign.enqueue(points) : campaign.run(points, goal: goal)
        }
        try ExpRun.summarise(finished, session.ui)
    }

    private var arguments: [String] {
        var arguments = targets
        for (flag, name) in [
            (force, "--force"), (singleItem, "--single-item"), (pipeline, "--pipeline"),
            (allPipelines, "--all-pipelines"), (keepGoing, "--keep-going"), (pull, "--pull"),
            (downstream, "--downstream"), (recursive, "--recursive"), (forceDownstream, "--force-downstream"),
            (ignoreErrors, "--ignore-errors"), (allowMissing, "--allow-missing"),
        ] where flag { arguments.append(name) }
        return arguments + (executor.map { ["--executor", $0] } ?? [])
    }

    private func runQueue(_ session: RunSession) throws {
        let store = session.runs.experiments
        let waiting = try store.queue()
        if waiting.isEmpty { return session.ui.status("The queue is empty.") }
        let folder = session.repository.commonDirectory + "/mlrun"
        try Files.makeDirectories(folder)
        let lock = try FileHandle(updating: folder + "/queue.lock")
        guard try lock.lock(wait: false) else {
            throw MLError(
                .conflict, "another 'exp run --run-all' is at work", hint: "it takes what is queued meanwhile")
        }
        let runner = ExperimentRunner(session.runs, program: Executable.sibling("git-mlrun"), host: hostName())
        let ui = session.ui
        var finished: [Experiment] = []
        var next = waiting
        // What is queued while we work is run too.
        while !next.isEmpty {
            let batch = next
            finished += try parallelMap(count: batch.count, workers: jobs) { index in
                let result = try runner.run(queued: batch[index])
                Campaign.report(result, ui)
                return result
            }
            next = try store.queue()
        }
        try ExpRun.summarise(finished, session.ui)
    }

    static func summarise(_ finished: [Experiment], _ ui: UserInterface) throws {
        let failed = finished.filter { $0.state == .failed }
        let ran = finished.filter { $0.state != .queued }
        if !ran.isEmpty { ui.print("Ran experiment(s): \(ran.map(\.name).joined(separator: ", "))") }
        for experiment in finished where experiment.state == .queued {
            ui.print("Queued experiment '\(experiment.name)' for future execution.")
        }
        if let first = finished.first(where: { $0.state == .done }) {
            ui.hint("'git mlrun exp show' compares, 'git mlrun exp apply \(first.name)' puts one into your files")
        }
        if !failed.isEmpty {
            throw MLError(
                .failed,
                "\(Quantity.count(failed.count, "experiment")) failed: \(failed.map(\.name).joined(separator: ", "))",
                hint: "'git mlrun exp show \(failed[0].name) --log' says why")
        }
    }
}

/// What a search improves.
struct Goal: Sendable {
    var metric: String
    var wantsMaximum: Bool
    var medianStop: Bool

    /// Smaller is better; nil without the metric.
    func loss(_ experiment: Experiment) -> Double? {
        guard let value = experiment.entry.value(metric)?.doubleValue, value.isFinite else { return nil }
        return wantsMaximum ? -value : value
    }

    func losses(_ steps: JSONObject) -> [(step: Int64, loss: Double)] {
        (steps[metric]?.arrayValue ?? []).compactMap { point in
            guard let pair = point.arrayValue, pair.count == 2, let step = pair[0].intValue,
                let value = pair[1].doubleValue
            else { return nil }
            return (Int64(step), wantsMaximum ? -value : value)
        }
    }
}
