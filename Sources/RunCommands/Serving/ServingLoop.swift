import Base
import CommandKit
import GitKit
import Serving

/// What a server does beside answering, until a signal ends it: looks where its ref and its rollout are, opens what is to come,
/// judges what has come, and keeps as many replicas as the load needs.
final class ServingLoop {
    let service: ModelService
    let opener: GenerationOpener
    let hosting: GenerationOpener.Hosting
    let scaling: ScalingOptions
    let limits: LimitOptions
    let ui: UserInterface
    /// The git directory, where those beside this server read what it serves.
    let folder: String?
    var state: ServingState
    /// The ref that is followed.
    var reference: String?
    /// A commit that could not be served: not tried again until the ref moves on.
    var refused: String?
    var rollout: Rollout?
    /// A rollout that is over, for this server at least.
    var settled: GitID?
    private var opening: Opening?
    private var scalers: [AutoscaledReplicas] = []
    private var lastStep = 0.0
    private var number = 1

    /// A generation that is being opened on a thread of its own, so that a model that hangs stops nothing else.
    private final class Opening: @unchecked Sendable {
        enum Purpose { case deployment, rollout }
        let commit: String
        let purpose: Purpose
        private let mutex = Mutex()
        private var found: Result<Generation, any Error>?

        init(_ commit: String, _ purpose: Purpose) {
            self.commit = commit
            self.purpose = purpose
        }

        var result: Result<Generation, any Error>? {
            get { mutex.withLock { found } }
            set { mutex.withLock { found = newValue } }
        }
    }

    init(
        _ service: ModelService, _ opener: GenerationOpener, hosting: GenerationOpener.Hosting,
        scaling: ScalingOptions, limits: LimitOptions, state: ServingState, ui: UserInterface
    ) {
        self.service = service
        self.opener = opener
        self.hosting = hosting
        self.scaling = scaling
        self.limits = limits
        self.state = state
        self.ui = ui
        folder = opener.data?.repository.commonDirectory
        reference = opener.reference
    }

    func run(_ signals: TerminationSignals) throws {
        tell()
        while !signals.wait(seconds: 0.1) {
            if let opening {
                if let result = opening.result {
                    self.opening = nil
                    finish(opening, result)
                }
            } else {
                adopt()
                follow()
            }
            try scale()
        }
        if let folder { state.remove(folder) }
    }

    /// Begins to follow a ref because somebody deploys to it, where nothing is followed yet.
    private func adopt() {
        guard reference == nil, !state.isPinned, let folder, let name = state.invitation(folder) else { return }
        reference = name
        state.reference = name
        ui.status("Following \(name) from now on.")
        tell()
    }

    private func follow() {
        guard let reference else { return }
        if let target = opener.target(of: reference) {
            let serving = service.generation.version
            if target == serving {
                // Back at what answers: what was refused may come again.
                if refused != nil, state.refused?.version == refused { state.refused = nil }
                if refused != nil { tell() }
                refused = nil
            } else if let candidate = service.candidate, candidate.version == target {
                promote(candidate)
            } else if target != refused {
                return open(target, .deployment)
            }
        }
        stepRollout()
    }

    func openForRollout(_ commit: String) { open(commit, .rollout) }

    private func open(_ commit: String, _ purpose: Opening.Purpose) {
        number += 1
        let opening = Opening(commit, purpose)
        self.opening = opening
        // As many as now: the same load waits for it. A canary begins small.
        let now = service.generation.engine.replicas.wanted ?? 1
        let replicas = purpose == .deployment || rollout?.plan.strategy == .shadow ? max(1, now) : 1
        let (opener, hosting, limits, metrics, number) = (opener, hosting, limits, service.metrics, number)
        startThread {
            opening.result = Result {
                try opener.open(
                    number: number, commit: commit, hosting: hosting, replicas: replicas, limits: limits,
                    metrics: metrics)
            }
        }
    }

    private func finish(_ opening: Opening, _ result: Result<Generation, any Error>) {
        switch (result, opening.purpose) {
        case (.success(let generation), .deployment): put(generation)
        case (.success(let generation), .rollout): begin(generation)
        case (.failure(let error), let purpose):
            service.metrics.observeSwitch(hasFailed: true)
            let reason = (error as? MLError)?.message ?? "\(error)"
            state.refused = (opening.commit, reason, Moment.now())
            if purpose == .deployment { refused = opening.commit } else { end(.aborted, reason) }
            tell()
            ui.warning(
                "\(GenerationOpener.short(opening.commit)) is not served, "
                    + "\(GenerationOpener.short(service.generation.version)) stays: \(reason)")
        }
    }

    /// Gives all traffic to a generation. The old one ends when its last request is answered.
    func put(_ generation: Generation) {
        let old = service.replace(by: generation)
        refused = nil
        state.refused = nil
        state.since = .now()
        old.retire(within: limits.timeout + 5)
        tell()
        ui.status(
            "Now serving \(GenerationOpener.short(generation.version)), before \(GenerationOpener.short(old.version)).")
    }

    private func promote(_ candidate: Generation) {
        if let now = service.generation.engine.replicas.wanted, !scaling.isAutomatic {
            candidate.engine.resize(to: max(now, scaling.first))
        }
        put(candidate)
        rollout = nil
        service.metrics.observeRollout("promoted")
        tell()
    }

    private func scale() throws {
        let now = MonotonicTime.now()
        guard now - lastStep >= 1 else { return }
        lastStep = now
        let generations = [service.generation, service.candidate].compactMap { $0 }
        if scaling.isAutomatic {
            let parameters = try scaling.parameters()
            scalers.removeAll { scaler in !generations.contains { scaler.isOf($0) } }
            for generation in generations where !scalers.contains(where: { $0.isOf(generation) }) {
                scalers.append(AutoscaledReplicas(generation, parameters, now: now))
            }
            for index in scalers.indices {
                if let (from, to) = scalers[index].step(now: now) { ui.status("Replicas: \(to), before \(from).") }
            }
        }
        if scaling.isReplicated || service.candidate != nil { tell() }
    }

    /// Tells those beside this server. It works without them.
    func tell() {
        guard let folder else { return }
        let serving = service.generation
        state.version = serving.version
        state.replicas = serving.engine.replicas
        state.candidate = service.candidate.map { ($0, rollout?.share, rollout?.plan.strategy) }
        state.stable = serving.statistics.snapshot
        try? state.write(folder)
    }
}
