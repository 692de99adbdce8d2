import Base

/// Where earlier runs are found.
public protocol RecordLookup: Sendable {
    /// Records with this key, newest first.
    func records(forKey key: ObjectID) throws -> [RunRecord]

    /// The newest record of a stage, whatever its key: to say what changed since.
    func latestRecord(stage address: String) throws -> RunRecord?

    /// Whether content (of a file or a folder) can be put into the work tree.
    func has(_ id: ObjectID) throws -> Bool
}

/// How a plan is made.
public struct PlanOptions: Sendable {
    /// Run although nothing changed.
    public var force = false
    /// Take outputs from earlier runs with the same key.
    public var useRunCache = true
    /// Outputs that are not there count as those of the record.
    public var allowMissing = false

    public init(force: Bool = false, useRunCache: Bool = true, allowMissing: Bool = false) {
        self.force = force
        self.useRunCache = useRunCache
        self.allowMissing = allowMissing
    }
}

/// Decides for each stage whether it must run. A look-up, no lock file: has the stage's key a record with these outputs?
public struct Planner: Sendable {
    let lookup: any RecordLookup
    let environment: @Sendable (String) -> String?
    let options: PlanOptions
    let locked: LockedStages?

    /// - Parameters:
    ///   - locked: DVC's lock files, asked where no record answers; nil for none.
    ///   - environment: the value of an environment variable; nil when it is not set.
    public init(
        lookup: any RecordLookup, options: PlanOptions = PlanOptions(), locked: LockedStages? = nil,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.lookup = lookup
        self.options = options
        self.environment = environment
        self.locked = locked
    }

    /// The plan for stages in running order, without running any.
    ///
    /// A stage after one that runs is `mayRun`, unless its own definition already makes it run: the bytes it will
    /// read are not known yet. A stage after one that is restored is judged by the restored ids.
    public func plan(_ graph: StageGraph, order: [Int], content: any ContentSource) throws -> [StagePlan] {
        let overlay = PlannedContent(content)
        let params = ParamReader(content: overlay)
        var pending: Set<Int> = []
        var restored: Set<Int> = []
        var result: [StagePlan] = []
        for index in order {
            let stage = graph.stages[index]
            let blockers = graph.activeUpstream(index).compactMap { upstream -> Reason? in
                if pending.contains(upstream) { return .upstream(graph.stages[upstream].address) }
                let isPart = restored.contains(upstream) && Planner.readsPart(stage, graph, upstream)
                return isPart ? .upstreamRestored(graph.stages[upstream].address) : nil
            }
            let plan =
                blockers.isEmpty
                ? try self.plan(stage, content: overlay, params: params)
                : try planBlocked(stage, blockers)
            switch plan.state {
            case .run, .mayRun: pending.insert(index)
            case .cached(let record):
                overlay.set(record.outputs)
                restored.insert(index)
            case .unchanged(let record): if options.allowMissing { overlay.set(record.outputs) }
            case .frozen: break
            }
            result.append(plan)
        }
        return result
    }

    /// The plan for one stage whose inputs are all there.
    public func plan(
        _ stage: Stage, content: any ContentSource, params: ParamReader, force: Bool = false
    ) throws -> StagePlan {
        if stage.isFrozen { return StagePlan(stage: stage, state: .frozen, key: nil, inputs: nil, reasons: []) }
        let inputs = try StageInputs(of: stage, content: content, params: params, environment: environment)
        let key = StageKey.of(stage, inputs)
        var plan = StagePlan(stage: stage, state: .run, key: key, inputs: inputs, reasons: [])
        let records = try key.map { try lookup.records(forKey: $0) } ?? []
        let isForced = options.force || force
        var outputs: [String: ObjectID?] = [:]
        for output in stage.outputs { outputs[output.path] = try content.id(of: output.path) }
        let isSure = !isForced && !stage.isAlwaysChanged && !stage.isCallback
        if isSure, let record = records.first(where: { matches($0, outputs) }) {
            plan.state = .unchanged(record)
            return plan
        }
        let verdict =
            isSure
            ? try locked?.verdict(stage, inputs, outputs: outputs, allowMissing: options.allowMissing) : nil
        if case .matches = verdict {
            plan.state = .unchanged(Planner.record(of: stage, inputs, key, outputs))
            plan.isLocked = true
            return plan
        }
        if isForced { plan.reasons.append(.forced) }
        if stage.isAlwaysChanged || stage.isCallback { plan.reasons.append(.alwaysChanged) }
        if case .differs(let reasons) = verdict, try lookup.latestRecord(stage: stage.address) == nil {
            plan.reasons += reasons
        } else {
            plan.reasons += try reasons(stage, inputs, key, outputs, records.first)
        }
        if plan.reasons.isEmpty { plan.reasons = [.changedDefinition] }
        if isSure, options.useRunCache, stage.isRestorable,
            let record = try records.first(where: { try isObtainable($0, stage, outputs) })
        {
            plan.state = .cached(record)
        }
        return plan
    }

    /// The run that DVC's lock file speaks of, as far as it is known.
    private static func record(
        of stage: Stage, _ inputs: StageInputs, _ key: ObjectID?, _ outputs: [String: ObjectID?]
    ) -> RunRecord {
        RunRecord(
            time: .now(), stage: stage.address, key: key ?? ObjectID.of(stage.address), commands: stage.commands,
            directory: stage.directory,
            dependencies: inputs.dependencies.compactMap { item in
                item.id.map { RunRecord.File(path: item.path, id: $0) }
            }, params: inputs.params,
            outputs: stage.outputs.compactMap { output in
                (outputs[output.path] ?? nil).map { RunRecord.File(path: output.path, id: $0, kind: output.kind) }
            })
    }

    /// A stage behind stages that run: its own reasons decide, without those that follow from their outputs.
    private func planBlocked(_ stage: Stage, _ blockers: [Reason]) throws -> StagePlan {
        var plan = StagePlan(stage: stage, state: .mayRun, key: nil, inputs: nil, reasons: [])
        if stage.isFrozen {
            plan.state = .frozen
            return plan
        }
        if options.force { plan.reasons.append(.forced) }
        if stage.isAlwaysChanged { plan.reasons.append(.alwaysChanged) }
        if try lookup.latestRecord(stage: stage.address) == nil { plan.reasons.append(.neverRun) }
        if !plan.reasons.isEmpty && plan.reasons != [.neverRun] { plan.state = .run }
        plan.reasons += blockers
        return plan
    }

    /// Whether a stage reads something of another whose id does not follow from the ids of that one's outputs: a file in
    /// an output folder, a folder around an output, or params.
    private static func readsPart(_ stage: Stage, _ graph: StageGraph, _ maker: Int) -> Bool {
        stage.dependencies.contains { graph.maker(ofOutput: $0) != maker && graph.makers(of: $0).contains(maker) }
            || stage.params.contains { graph.makers(of: $0.file).contains(maker) }
    }

    private func matches(_ record: RunRecord, _ outputs: [String: ObjectID?]) -> Bool {
        guard record.outputs.count == outputs.count else { return false }
        return record.outputs.allSatisfy { file in
            guard let current = outputs[file.path] else { return false }
            return current == file.id || (current == nil && options.allowMissing)
        }
    }

    private func isObtainable(_ record: RunRecord, _ stage: Stage, _ outputs: [String: ObjectID?]) throws -> Bool {
        guard Set(record.outputs.map(\.path)) == Set(stage.outputs.map(\.path)) else { return false }
        return try record.outputs.allSatisfy { file in
            if case .some(.some(file.id)) = outputs[file.path] { return true }
            return try lookup.has(file.id)
        }
    }
}
