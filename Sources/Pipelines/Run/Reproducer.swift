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
    private let context: ContextOnce
    let locked: LockedStages?

    /// - Parameters:
    ///   - content: the work tree.
    ///   - locked: DVC's lock files, asked where no record answers; nil for none.
    ///   - executors: others than `runner`, for stages (or options) that name them.
    ///   - context: what every record says about commit, tree and machine; asked once, before anything changes, since a
    ///     look at the whole work tree is dear where nothing is to be done.
    public init(
        graph: StageGraph, content: any ContentSource, lookup: any RecordLookup, sink: any RecordSink,
        store: any OutputStore, runner: StageRunner, executors: [any StageExecutor] = [],
        options: ReproOptions = ReproOptions(),
        context: @autoclosure @escaping @Sendable () throws -> RunContext = RunContext(), locked: LockedStages? = nil
    ) {
        self.locked = locked
        self.graph = graph
        self.content = content
        self.lookup = lookup
        self.sink = sink
        self.store = store
        self.runner = runner
        self.executors = Dictionary(executors.map { ($0.name, $0) }) { first, _ in first }
        self.options = options
        self.context = ContextOnce(context)
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

    /// The stages (of those the options name) that are up to date now, in running order.
    public func finished() throws -> [StagePlan] {
        try planner(force: false).plan(graph, order: try options.order(in: graph), content: content).filter { plan in
            if case .unchanged = plan.state { return true }
            return plan.reasons == [.alwaysChanged]
        }
    }

    func planner() -> Planner { planner(force: options.force) }

    private func planner(force: Bool) -> Planner {
        let environment = runner.environment
        return Planner(
            lookup: lookup,
            options: PlanOptions(
                force: force, useRunCache: options.useRunCache, allowMissing: options.allowMissing),
            locked: locked
        ) { environment[$0] }
    }

    /// Whether the outputs are in place now.
    func restore(_ record: RunRecord, of stage: Stage, _ event: (ReproEvent) -> Void) throws -> Bool {
        // Before anything changes: what is restored must not count as a change of the user's.
        _ = try context.value()
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
        _ = try context.value()
        try store.fill(stage.dependencies + stage.outputs.filter(\.isPersistent).map(\.path))
        // What a run that failed left behind is not of this run.
        _ = try sink.takeRecordedMetrics(stage: stage.address)
    }

    /// Fills in what a stage reads beside what others are about to make.
    func fill(_ stage: Stage, without waits: [String]) throws {
        try store.fill(
            stage.dependencies.filter { !waits.contains($0) } + stage.outputs.filter(\.isPersistent).map(\.path))
    }

    /// A run that DVC's lock file knows, as a record: from then on the lock is not needed. Nil where something is missing.
    func adopted(_ plan: StagePlan, _ record: RunRecord, _ event: (ReproEvent) -> Void) throws -> RunRecord? {
        let stage = plan.stage
        guard plan.key != nil, record.outputs.count == stage.outputs.count,
            record.dependencies.count == plan.inputs?.dependencies.count
        else { return nil }
        var record = record
        for index in record.dependencies.indices {
            record.dependencies[index].size = try content.size(of: record.dependencies[index].path)
        }
        record.outputs = try stage.outputs.map { output in
            guard let id = try content.id(of: output.path) else {
                throw MLError(.failed, "the output '\(output.path)' of stage '\(stage.address)' has gone")
            }
            return try file(output, id)
        }
        record.metrics = metrics(of: stage, event)
        record.context = try context.value()
        record.context.tools["dvc.lock"] = "2.0"
        return record
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
            peakMemory: outcome.peakMemory, context: try context.value(), environment: inputs.environment)
        if !stage.settings.tags.isEmpty { record.unknown["tags"] = JSON(stage.settings.tags) }
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
        return try file(output, id)
    }

    private func file(_ output: Output, _ id: ObjectID) throws -> RunRecord.File {
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

/// A context that is made at first use.
private final class ContextOnce: @unchecked Sendable {
    private let make: @Sendable () throws -> RunContext
    private let mutex = Mutex()
    private var made: RunContext?

    init(_ make: @escaping @Sendable () throws -> RunContext) { self.make = make }

    func value() throws -> RunContext {
        try mutex.withLock {
            if let made { return made }
            let value = try make()
            made = value
            return value
        }
    }
}
