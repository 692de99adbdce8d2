import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct Repro: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repro",
        abstract: "Run the stages whose inputs, command or outputs changed, and record each run.",
        discussion: """
            A stage is skipped when a run with the same inputs made the outputs that are in the work tree; it is restored
            when such a run's outputs are in the store.

            Examples:
              git mlrun repro
              git mlrun repro --dry
              git mlrun repro train --force
              git mlrun repro -j 4 --keep-going
            """)

    @Argument(
        help: ArgumentHelp("Stages or outputs (default: all stages of this folder's pipeline).", valueName: "target"))
    var targets: [String] = []
    @Flag(name: .shortAndLong, help: "Run even if nothing changed.") var force = false
    @Flag(name: .shortAndLong, help: "Only the targets, not what they depend on.") var singleItem = false
    @Flag(name: .shortAndLong, help: "The whole pipelines the targets belong to.") var pipeline = false
    @Flag(name: [.customShort("P"), .long], help: "All pipelines of the repository.") var allPipelines = false
    @Flag(name: [.customShort("R"), .long], help: "All stages in the folders given and below.") var recursive = false
    @Flag(name: .shortAndLong, help: "Go on with stages that do not depend on a failed one.") var keepGoing = false
    @Flag(name: .shortAndLong, help: "Go on with everything after a failure.") var ignoreErrors = false
    @Flag(help: "The targets and what depends on them.") var downstream = false
    @Flag(help: "Run what depends on a stage that ran, even if its inputs are the same.") var forceDownstream = false
    @Flag(help: "Fetch what outputs and dependencies lack first.") var pull = false
    @Flag(help: "Outputs that are not here count as those of the record.") var allowMissing = false
    @Flag(help: "Do not keep outputs in the store.") var noCommit = false
    @Flag(help: "Do not take outputs from earlier runs.") var noRunCache = false
    @Flag(help: "Targets are patterns.") var glob = false
    @Option(help: ArgumentHelp("Only stages with this tag (meta.mlrun.tags), and what they need.", valueName: "tag"))
    var tag: String?
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Run up to N stages at once, or fewer that ask for more processors (default: mlrun.jobs, or 1).",
            valueName: "n"))
    var jobs: Int?
    @Flag(name: .customLong("write-dvc-lock"), help: "Write dvc.lock beside each dvc.yaml afterwards, for DVC.")
    var writesDVCLock = false
    @Option(help: ArgumentHelp("Where stages run: local or slurm (default: what each stage says).", valueName: "name"))
    var executor: String?
    @Flag(help: "Only print what would run, and why.") var dry = false
    @Flag(help: "With --dry: exit 1 when something would run.") var exitCode = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        if pull { try Pulling.workTree(session) }
        let cache = session.runs.statCache()
        defer { cache.save() }
        let content = try session.runs.workTreeContent(cache)
        let project = try session.runs.project(content)
        for warning in project.warnings { session.ui.warning(warning) }
        if project.stages.isEmpty {
            throw MLError(
                .notFound, "there is no pipeline here",
                hint: "write one: mlrun.yaml (or dvc.yaml); see 'git mlrun --help'")
        }
        let runner = StageRunner(
            root: content.root, shell: environment("SHELL") ?? "/bin/sh", environment: stageEnvironment(session.ui))
        let slurm = SlurmExecutor(
            runner: runner, folder: session.repository.gitDirectory + "/mlrun/slurm",
            options: session.data.configuration.all("mlrun.sbatch").flatMap {
                $0.split(separator: " ").map(String.init)
            },
            interval: Double(try session.data.configuration.integer("mlrun.slurmInterval") ?? 2)
        ) { try content.id(of: $0) }
        let repository = session.repository
        let reproducer = Reproducer(
            graph: project.graph, content: content, lookup: session.runs.records, sink: session.runs.records,
            store: try OutputKeeper(content: content, data: session.data, progress: session.ui.progress),
            runner: runner, executors: [slurm], options: try options(session), context: try RunContext(repository),
            locked: LockedStages(root: content.root))
        if dry { return try plan(reproducer, session.folder, session.ui) }
        let result = try reproducer.run { ReproText(folder: session.folder).show($0, session.ui) }
        if writesDVCLock { try writeLock(project, content, reproducer, session) }
        if !result.failures.isEmpty {
            throw MLError(
                .failed,
                "\(Quantity.count(result.failures.count, "stage")) failed: "
                    + result.failures.map { "'\($0.stage.address(from: session.folder))'" }.joined(separator: ", "))
        }
        if result.isUpToDate { session.ui.summary("Data and pipelines are up to date.") }
    }

    private func writeLock(
        _ project: Project, _ content: WorkTreeContent, _ reproducer: Reproducer, _ session: RunSession
    ) throws {
        if !project.stages.contains(where: { LockedStages.path(for: $0.file) != nil }) {
            return session.ui.warning("there is no dvc.yaml here, so no dvc.lock is written")
        }
        let stages = try reproducer.finished().map { (stage: $0.stage, params: $0.inputs?.params ?? []) }
        for path in try DVCLockWriter(root: content.root).write(stages) { session.ui.status("Wrote '\(path)'") }
    }

    func validate() throws {
        if dry && writesDVCLock { throw ValidationError("--dry and --write-dvc-lock exclude each other") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        if exitCode && !dry { throw ValidationError("--exit-code needs --dry") }
    }

    private func options(_ session: RunSession) throws -> ReproOptions {
        var options = ReproOptions()
        let configured = try session.data.configuration.integer("mlrun.jobs").map { Int($0) }
        options.jobs = max(1, jobs ?? configured ?? 1)
        options.executor = executor ?? session.data.configuration["mlrun.executor"]
        options.lockFolder = session.repository.gitDirectory + "/mlrun/locks"
        options.targets = targets
        options.folder = session.folder
        options.isGlob = glob
        options.tag = tag
        options.allPipelines = allPipelines
        options.pipeline = pipeline
        options.recursive = recursive
        options.singleItem = singleItem
        options.downstream = downstream
        options.force = force
        options.forceDownstream = forceDownstream
        options.keepGoing = keepGoing
        options.ignoreErrors = ignoreErrors
        options.useRunCache = !noRunCache
        options.allowMissing = allowMissing || pull
        options.storesOutputs = !noCommit
        return options
    }

    private func plan(_ reproducer: Reproducer, _ folder: String, _ ui: UserInterface) throws {
        var wouldRun = false
        for plan in try reproducer.plan() {
            let name = plan.stage.address(from: folder)
            let reasons = plan.reasons.map(\.description).joined(separator: ", ")
            switch plan.state {
            case .unchanged, .frozen: ui.print("Stage '\(name)' didn't change, skipping")
            case .cached: ui.print("Stage '\(name)' is cached - skipping run, checking out outputs (\(reasons))")
            case .run, .mayRun:
                ui.print("Running stage '\(name)': \(reasons)")
                for command in plan.stage.commands { ui.print("> \(command)") }
                if let missing = plan.inputs?.missing.first {
                    ui.warning("stage '\(name)' needs '\(missing)', which does not exist: it cannot run")
                }
            }
            switch plan.state {
            case .unchanged, .frozen: break
            default: wouldRun = true
            }
        }
        if !wouldRun { ui.print("Data and pipelines are up to date.") }
        if exitCode && wouldRun { throw ExitCode(ExitStatus.negative) }
    }

    private func stageEnvironment(_ ui: UserInterface) -> [String: String] {
        var variables = processEnvironment()
        // Variables of a hook we run in would tie the stage's own git calls to the wrong index.
        for name in ["GIT_INDEX_FILE", "GIT_PREFIX"] { variables[name] = nil }
        if ui.terminal.showsProgress { variables[Terminal.progressVariable] = "1" }
        return variables
    }
}

/// DVC's words for what happens, since scripts read them.
struct ReproText {
    /// Where the user stands: stages are named from there.
    var folder: String

    func show(_ event: ReproEvent, _ ui: UserInterface) {
        switch event {
        case .unchanged(let stage), .frozen(let stage):
            ui.summary("Stage '\(stage.address(from: folder))' didn't change, skipping")
        case .restored(let stage, _, _):
            ui.summary("Stage '\(stage.address(from: folder))' is cached - skipping run, checking out outputs")
        case .starting(let stage, let reasons):
            ui.summary("Running stage '\(stage.address(from: folder))':")
            ui.status("  (\(reasons.map(\.description).joined(separator: ", ")))")
        case .command(_, let command): ui.summary("> \(command)")
        case .output(_, let bytes): try? ui.write(bytes)
        case .finished(let stage, let record):
            let metrics = MetricNames.joined(record.metrics).pairs.prefix(6).map {
                "\($0.key)=\(TableView.spell($0.value))"
            }
            ui.status(
                "Stage '\(stage.address(from: folder))' ran in \(Quantity.duration(record.duration))"
                    + (metrics.isEmpty ? "" : ": " + metrics.joined(separator: " ")))
        case .warning(_, let text): ui.warning(text)
        case .failed(_, let error): ui.warning(error.message)
        case .blocked(let stage, let by):
            ui.warning("stage '\(stage.address(from: folder))' cannot run: '\(by.address(from: folder))' failed")
        }
    }
}

extension RunContext {
    /// Where this run takes place.
    init(_ repository: Repository) throws {
        let head = try repository.head()
        let isClean = head.map { repository.isProvenClean($0.tree) } ?? false
        let changes = isClean ? [] : try repository.git.run(["status", "--porcelain", "--untracked-files=no"]).output
        self.init(
            tree: head?.tree.hex, commit: head?.id.hex, isDirty: !changes.isEmpty, host: hostName(),
            tools: ["git-ml": .string(Program.version)])
    }
}
