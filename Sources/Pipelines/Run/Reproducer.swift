import Base

/// Brings stages up to date, one after the other or several at once.
///
/// Each stage is judged when its turn comes, by the content that is then there: a stage whose inputs come out the same
/// is skipped although a stage before it ran (early cut-off).
public struct Reproducer: Sendable {
    let graph: StageGraph
    let content: any ContentSource
    let lookup: any RecordLookup
    let sink: any RecordSink
    let store: any OutputStore
    let runner: StageRunner
    /// By name; what is not here runs on this machine.
    let executors: [String: any StageExecutor]
    let options: ReproOptions
    let context: RunContext

    /// - Parameters:
    ///   - content: the work tree.
    ///   - executors: others than `runner`, for stages (or options) that name them.
    ///   - context: what every record says about commit, tree and machine.
    public init(
        graph: StageGraph, content: any ContentSource, lookup: any RecordLookup, sink: any RecordSink,
        store: any OutputStore, runner: StageRunner, executors: [any StageExecutor] = [],
        options: ReproOptions = ReproOptions(), context: RunContext = RunContext()
    ) {
        self.graph = graph
        self.content = content
        self.lookup = lookup
        self.sink = sink
        self.store = store
        self.runner = runner
        self.executors = Dictionary(executors.map { ($0.name, $0) }) { first, _ in first }
        self.options = options
        self.context = context
    }

    /// What `run` would do, without doing it.
    public func plan() throws -> [StagePlan] {
        try planner().plan(graph, order: try options.order(in: graph), content: content)
    }

    /// Does it.
    ///
    /// - Parameter event: told what happens, always on the calling thread. With one job at a time output comes as it is
    ///   written; with several, that of a stage comes in one piece when it has ended.
    /// - Throws: the first failure, unless options say to go on; an interruption always.
    public func run(event: (ReproEvent) -> Void) throws -> ReproResult {
        try withoutActuallyEscaping(event) { event in
            try Reproduction(self, order: try options.order(in: graph), event: event).run()
        }
    }

    /// Where a stage runs: what the user asked for, else what the stage says, else here.
    func executor(for stage: Stage) throws -> any StageExecutor {
        let name = options.executor ?? stage.settings.executor ?? runner.name
        if name == runner.name { return runner }
        guard let executor = executors[name] else {
            throw MLError(
                .notFound, "there is no executor '\(name)' for stage '\(stage.address)'",
                hints: NearestName.hints(name, in: [runner.name] + executors.keys.sorted()))
        }
        return executor
    }

    func planner() -> Planner {
        let environment = runner.environment
        return Planner(
            lookup: lookup,
            options: PlanOptions(
                force: options.force, useRunCache: options.useRunCache, allowMissing: options.allowMissing)
        ) { environment[$0] }
    }

    /// Whether the outputs are in place now.
    func restore(_ record: RunRecord, of stage: Stage, _ event: (ReproEvent) -> Void) throws -> Bool {
        do {
            try store.restore(record.outputs)
            return true
        } catch let error as MLError where error.code == .missingObject {
            event(.warning(stage, "the outputs of an earlier run cannot be restored: \(error)"))
            return false
        }
    }

    /// Makes sure that all a stage reads is there.
    func prepare(_ plan: StagePlan) throws {
        let stage = plan.stage
        guard let inputs = plan.inputs, plan.key != nil else {
            let missing = plan.inputs?.missing.first ?? ""
            throw MLError(.notFound, "stage '\(stage.address)' needs '\(missing)', which does not exist")
        }
        for dependency in inputs.dependencies where !Files.exists(Files.join(runner.root, dependency.path)) {
            throw MLError(
                .missingObject,
                "stage '\(stage.address)' must run and needs '\(dependency.path)', which is not in the work tree",
                hint: "'git mldata pull' or 'git mlrun repro --pull' brings it")
        }
        try store.fill(stage.dependencies + stage.outputs.filter(\.isPersistent).map(\.path))
        // What a run that failed left behind is not of this run.
        _ = try sink.takeRecordedMetrics(stage: stage.address)
    }

    /// Records a run whose commands succeeded, and keeps its outputs.
    func complete(
        _ plan: StagePlan, _ outcome: StageRunner.Outcome, _ event: (ReproEvent) -> Void
    ) throws -> RunRecord {
        let stage = plan.stage
        guard let inputs = plan.inputs, let key = plan.key else {
            throw MLError(.failed, "stage '\(stage.address)' ran without a key")
        }
        var record = RunRecord(
            time: Timestamp.now(), stage: stage.address, key: key, commands: stage.commands, directory: stage.directory,
            params: inputs.params, duration: outcome.duration, processorTime: outcome.processorTime,
            peakMemory: outcome.peakMemory, context: context, environment: inputs.environment)
        var isStable = true
        for dependency in inputs.dependencies {
            guard let id = dependency.id else { continue }
            let size = try content.size(of: dependency.path)
            record.dependencies.append(RunRecord.File(path: dependency.path, id: id, size: size))
            if try content.id(of: dependency.path) != id {
                isStable = false
                event(.warning(stage, "'\(dependency.path)' changed while the stage ran, so the run is not recorded"))
            }
        }
        for output in stage.outputs { record.outputs.append(try describe(output, of: stage)) }
        record.metrics = metrics(of: stage, event)
        let handedOver = try sink.takeRecordedMetrics(stage: stage.address)
        if !handedOver.isEmpty { record.metrics[""] = .object(handedOver) }
        guard isStable else { return record }
        if !outcome.log.isEmpty { record.log = try sink.store(log: outcome.log) }
        try sink.append(record)
        return record
    }

    private func describe(_ output: Output, of stage: Stage) throws -> RunRecord.File {
        // Data with `cache: false` is never restored, so there is no use in keeping it.
        let isKept = options.storesOutputs && (output.isCached || output.kind != .data)
        let id = isKept ? try store.store(output) : try content.id(of: output.path)
        guard let id else {
            throw MLError(.failed, "the output '\(output.path)' of stage '\(stage.address)' has gone")
        }
        let status = Files.status(Files.join(runner.root, output.path))
        let mode: FolderID.Mode =
            status?.isSymbolicLink == true
            ? .link : status?.isRegular == true && status?.isExecutable == true ? .executable : .file
        return RunRecord.File(
            path: output.path, id: id, size: try content.size(of: output.path), kind: output.kind, mode: mode)
    }

    private func metrics(of stage: Stage, _ event: (ReproEvent) -> Void) -> JSONObject {
        var result = JSONObject()
        for output in stage.outputs where output.kind == .metric {
            do {
                guard let bytes = try content.read(output.path) else { continue }
                result[output.path] = .object(try Metrics.load(bytes, name: output.path))
            } catch {
                event(.warning(stage, "the metrics cannot be read: \(error)"))
            }
        }
        return result
    }
}
