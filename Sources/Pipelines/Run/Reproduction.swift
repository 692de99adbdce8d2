import Base

/// One `repro` under way. All but the commands themselves happens on the thread that calls `run`: judging, recording,
/// telling. So there is one writer of records, and what a stage sees never depends on timing.
final class Reproduction {
    private let reproducer: Reproducer
    private let graph: StageGraph
    private let options: ReproOptions
    private let event: (ReproEvent) -> Void
    private let planner: Planner
    private let overlay: PlannedContent
    private let params: ParamReader
    /// Stages in running order, and where each stands in it.
    private let order: [Int]
    private var unfinished: [Int: Int] = [:]
    private var states: [State]
    private var firstOpen = 0
    private var running: [Int: Running] = [:]
    private let mailbox = Mailbox<Message>()
    private let resources: ResourcePool
    private var result = ReproResult()
    private var ran: Set<Int> = []
    /// Stages that failed or were held up, with the failed stage behind it.
    private var broken: [Int: Stage] = [:]
    private var failure: MLError?
    /// Runs that only DVC's lock file knew, recorded at the end in one step.
    private var adopted: [RunRecord] = []
    private var toldOfLock: Set<Int> = []

    private enum State { case waiting, locked, running, done }

    private struct Running {
        var plan: StagePlan
        var lock: StageLock?
        /// What to tell when the stage has ended, if others run beside it.
        var told: [ReproEvent] = []
        var toldBytes = 0
    }

    private struct Message: Sendable {
        enum Content: Sendable {
            case event(ReproEvent)
            case ended(Result<StageRunner.Outcome, MLError>)
        }
        var index: Int
        var content: Content
    }

    init(_ reproducer: Reproducer, order: [Int], event: @escaping (ReproEvent) -> Void) {
        self.reproducer = reproducer
        graph = reproducer.graph
        options = reproducer.options
        self.event = event
        planner = reproducer.planner()
        overlay = PlannedContent(reproducer.content)
        params = ParamReader(content: reproducer.content)
        self.order = order
        resources = ResourcePool(processors: max(1, reproducer.options.jobs))
        states = Array(repeating: .waiting, count: order.count)
        var isBefore: Set<Int> = []
        for index in order {
            // With single items the order is the user's; what comes later is not waited for.
            unfinished[index] = graph.activeUpstream(index).count { isBefore.contains($0) }
            isBefore.insert(index)
        }
        positions = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    private let positions: [Int: Int]
    /// Stages that were announced to their executor, with why they run.
    private var announced: [Int: [Reason]] = [:]
    /// Stages in whose place an announced one follows: so no more jobs run at once than `-j` says.
    private var followed: Set<Int> = []

    func run() throws -> ReproResult {
        while true {
            var position = failure == nil ? nextReady(after: firstOpen) : nil
            while let current = position, failure == nil {
                begin(current)
                position =
                    resources.isExhausted ? nil : nextReady(after: states[current] == .done ? firstOpen : current)
            }
            if failure == nil && !running.isEmpty { announceUpcoming() }
            let isLocked = failure == nil && states.contains { $0 == .locked }
            if running.isEmpty && !isLocked { break }
            for message in mailbox.take(waiting: isLocked ? 100 : 60_000) { handle(message) }
            if isLocked {
                for position in states.indices where states[position] == .locked { states[position] = .waiting }
            }
        }
        if !announced.isEmpty { reproducer.executors.values.forEach { $0.withdraw() } }
        try reproducer.sink.append(adopted)
        if let failure { throw failure }
        return result
    }

    /// The first stage in order that waits for nothing any more.
    private func nextReady(after start: Int) -> Int? {
        while firstOpen < states.count, states[firstOpen] == .done || states[firstOpen] == .running { firstOpen += 1 }
        guard max(start, firstOpen) < states.count else { return nil }
        return (max(start, firstOpen)..<states.count).first {
            states[$0] == .waiting && unfinished[order[$0]] == 0 && !resources.isTooLarge(graph.stages[order[$0]])
        }
    }

    /// Judges a stage and does what is needed; a run only starts here.
    private func begin(_ position: Int) {
        let index = order[position]
        let stage = graph.stages[index]
        if !options.ignoreErrors, let culprit = graph.activeUpstream(index).lazy.compactMap({ self.broken[$0] }).first {
            broken[index] = culprit
            result.blocked.append(stage)
            event(.blocked(stage, by: culprit))
            return finish(position)
        }
        do {
            let reasons = announced[index]
            let isForced =
                reasons != nil || options.forceDownstream && graph.activeUpstream(index).contains { ran.contains($0) }
            var plan = try planner.plan(stage, content: overlay, params: params, force: isForced)
            if let reasons { plan.reasons = reasons }
            switch plan.state {
            case .unchanged(let record):
                if options.allowMissing { overlay.set(record.outputs) }
                if plan.isLocked, let found = try reproducer.adopted(plan, record, event) { adopted.append(found) }
                result.unchanged.append(stage)
                event(.unchanged(stage))
                try checkGates(stage, record, base: nil)
            case .frozen:
                result.unchanged.append(stage)
                event(.frozen(stage))
            case .cached(let record) where try reproducer.restore(record, of: stage, event):
                stage.outputs.forEach { params.forget($0.path) }
                result.restored.append(stage)
                event(.restored(stage, record, reasons: plan.reasons))
                try checkGates(stage, record, base: nil)
            case .run, .mayRun, .cached:
                return try start(plan, position)
            }
        } catch { fail(index, error) }
        finish(position)
    }

    private func start(_ plan: StagePlan, _ position: Int) throws {
        let stage = plan.stage
        let index = order[position]
        var lock: StageLock?
        if let folder = options.lockFolder {
            lock = try StageLock.take(stage.address, in: folder)
            if lock == nil {
                if toldOfLock.insert(index).inserted {
                    event(.warning(stage, "another process runs stage '\(stage.address)': waiting for it"))
                }
                states[position] = .locked
                return
            }
        }
        let executor = try reproducer.executor(for: stage)
        try reproducer.prepare(plan)
        states[position] = .running
        resources.take(stage)
        running[index] = Running(plan: plan, lock: lock)
        tell(index, .starting(stage, reasons: plan.reasons))
        let mailbox = mailbox
        let job = StageJob(
            stage: stage, key: plan.key ?? ObjectID.of(stage.address), inputs: plan.inputs, isForced: options.force)
        startThread {
            var attempt = 0
            while true {
                do {
                    let outcome = try executor.run(job) { progress in
                        switch progress {
                        case .command(let text):
                            mailbox.post(Message(index: index, content: .event(.command(stage, text))))
                        case .output(let bytes):
                            mailbox.post(Message(index: index, content: .event(.output(stage, bytes))))
                        }
                    }
                    return mailbox.post(Message(index: index, content: .ended(.success(outcome))))
                } catch {
                    let error = error as? MLError ?? MLError(.failed, "\(error)")
                    attempt += 1
                    if error.cause is StageInterruption || attempt > stage.settings.retries {
                        return mailbox.post(Message(index: index, content: .ended(.failure(error))))
                    }
                    let words = "\(error.message); trying again (\(attempt) of \(stage.settings.retries))"
                    mailbox.post(Message(index: index, content: .event(.warning(stage, words))))
                }
            }
        }
    }

    /// Tells executors that can have a stage wait which one follows each that runs.
    ///
    /// Only what is sure to run: a stage that may come out unchanged is judged when its turn has come.
    private func announceUpcoming() {
        for index in order where announced[index] == nil {
            guard let position = positions[index], states[position] == .waiting else { continue }
            let stage = graph.stages[index]
            guard let executor = try? reproducer.executor(for: stage), executor.runsAhead else { continue }
            let upstream = graph.activeUpstream(index)
            let under = upstream.filter { positions[$0].map { states[$0] != .done } ?? false }
            let isKnown = under.allSatisfy { other in
                (announced[other] != nil || running[other] != nil)
                    && (try? reproducer.executor(for: graph.stages[other]))?.name == executor.name
            }
            guard !under.isEmpty, isKnown, !upstream.contains(where: { broken[$0] != nil }),
                let place = under.first(where: { !followed.contains($0) }),
                let plan = try? planner.plan(stage, content: overlay, params: params), let inputs = plan.inputs,
                plan.reasons.contains(where: \.isOwn)
            else { continue }
            let waits = inputs.dependencies.map(\.path).filter { path in
                under.contains { other in
                    graph.stages[other].outputs.contains {
                        RepositoryPath.isInside(path, $0.path) || RepositoryPath.isInside($0.path, path)
                    }
                }
            }
            let missing = inputs.missing.filter { !waits.contains($0) }
            guard missing.isEmpty, (try? reproducer.fill(stage, without: waits)) != nil else { continue }
            followed.insert(place)
            announced[index] = plan.reasons
            executor.announce(
                UpcomingStage(stage, inputs, after: under.map { graph.stages[$0].address }, waits: waits))
        }
    }

    private func handle(_ message: Message) {
        switch message.content {
        case .event(let event): tell(message.index, event)
        case .ended(let ended):
            guard let run = running.removeValue(forKey: message.index), let position = positions[message.index] else {
                return
            }
            let stage = run.plan.stage
            resources.give(stage)
            run.told.forEach(event)
            stage.outputs.forEach { params.forget($0.path) }
            do {
                let base = stage.settings.gates.isEmpty ? nil : try reproducer.lookup.latestRecord(stage: stage.address)
                let record = try reproducer.complete(run.plan, try ended.get(), event)
                ran.insert(message.index)
                result.ran.append(record)
                event(.finished(stage, record))
                try checkGates(stage, record, base: base)
            } catch { fail(message.index, error) }
            finish(position)
        }
    }

    /// At once while stages run one by one; else kept until the stage has ended, so that outputs do not mix.
    private func tell(_ index: Int, _ news: ReproEvent) {
        guard options.jobs > 1, var run = running[index] else { return event(news) }
        if case .output(_, let bytes) = news {
            // What is shown is a help to the user; a stage that prints without end must not fill the memory.
            guard run.toldBytes < 8 << 20 else { return }
            run.toldBytes += bytes.count
        }
        run.told.append(news)
        running[index] = run
    }

    private func checkGates(_ stage: Stage, _ record: RunRecord, base: RunRecord?) throws {
        let unmet = Gate.unmet(stage.settings.gates, metrics: record.metrics, base: base?.metrics)
        if unmet.isEmpty { return }
        throw MLError(
            .failed, "stage '\(stage.address)' does not pass its gates: " + unmet.joined(separator: "; "),
            hint: "its outputs and its record are kept; stages after it do not run")
    }

    private func fail(_ index: Int, _ problem: any Error) {
        let stage = graph.stages[index]
        let error = problem as? MLError ?? MLError(.failed, "\(problem)")
        event(.failed(stage, error))
        if error.cause is StageInterruption || !(options.keepGoing || options.ignoreErrors) {
            if failure == nil { failure = error }
            return
        }
        stage.outputs.forEach { params.forget($0.path) }
        broken[index] = stage
        result.failures.append((stage, error))
    }

    private func finish(_ position: Int) {
        states[position] = .done
        for reader in graph.downstream[order[position]] {
            guard let place = positions[reader], place > position, !graph.stages[reader].isFrozen else { continue }
            unfinished[reader, default: 0] -= 1
        }
    }
}
