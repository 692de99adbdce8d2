import Base
import GitKit
import Serving

/// A rollout that a server is at.
struct Rollout {
    var id: GitID
    var plan: RolloutPlan
    var step = 0
    /// Moment the step began, `MonotonicTime.now`.
    var began = 0.0
    /// What was counted before the candidate came.
    var stable = GenerationStatistics.Snapshot()
    var candidate = GenerationStatistics.Snapshot()
    /// Replicas of both together, for a rolling one.
    var replicas = 1

    /// The candidate's share of the traffic, 0 to 1; nil for a shadow.
    var share: Double? {
        switch plan.strategy {
        case .shadow: nil
        case .rolling: Double(step) / Double(max(1, replicas))
        case .canary: step < plan.steps.count ? plan.steps[step] : 0
        }
    }
}

extension ServingLoop {
    private var store: RolloutStore? {
        guard let reference, let data = opener.data else { return nil }
        return RolloutStore(repository: data.repository, deployment: reference)
    }

    /// Does what the rollout beside the followed ref asks for.
    func stepRollout() {
        guard let store else { return }
        let found = store.repository.reference(store.reference)
        if found != rollout?.id {
            if found == settled { return }
            guard let (id, plan) = try? store.read(), plan.state == .running else {
                settled = found
                if rollout != nil { leave() }
                return
            }
            if plan.commit == service.generation.version { return }
            if rollout?.plan.commit != plan.commit { leave() }
            var next = rollout ?? Rollout(id: id, plan: plan)
            next.id = id
            next.plan = plan
            next.step = 0
            next.began = MonotonicTime.now()
            rollout = next
            if let candidate = service.candidate {
                service.admit(candidate, plan.splits(step: 0))
            } else {
                openForRollout(plan.commit)
            }
            return
        }
        guard let rollout, let candidate = service.candidate else { return }
        advance(rollout, candidate)
    }

    /// Takes a generation in that was opened for a rollout.
    func begin(_ candidate: Generation) {
        guard var rollout, rollout.plan.commit == candidate.version else {
            return candidate.retire(within: 0)
        }
        rollout.began = MonotonicTime.now()
        rollout.stable = service.generation.statistics.snapshot
        rollout.candidate = candidate.statistics.snapshot
        rollout.replicas = max(1, service.generation.engine.replicas.wanted ?? 1)
        if rollout.plan.strategy == .rolling { rollout.step = 1 }
        self.rollout = rollout
        admit(candidate)
        ui.status("\(GenerationOpener.short(candidate.version)) comes in: \(rollout.plan.strategy.rawValue).")
        tell()
    }

    /// Gives the candidate what the step says.
    private func admit(_ candidate: Generation) {
        guard let rollout else { return }
        if rollout.plan.strategy == .rolling {
            service.admit(candidate, [.share(rollout.share ?? 0)])
            // One comes before one goes: there are never fewer than before.
            service.generation.engine.resize(to: max(1, rollout.replicas - rollout.step))
        } else {
            service.admit(candidate, rollout.plan.splits(step: rollout.step))
        }
    }

    private func advance(_ now: Rollout, _ candidate: Generation) {
        let verdict = now.plan.rules.judge(
            stable: service.generation.statistics.snapshot.since(now.stable),
            candidate: candidate.statistics.snapshot.since(now.candidate),
            isFailing: candidate.engine.replicas.isFailing)
        if case .unhealthy(let reason) = verdict {
            state.refused = (candidate.version, reason, Moment.now())
            ui.warning("\(GenerationOpener.short(candidate.version)) leaves the traffic: \(reason)")
            return end(.aborted, reason)
        }
        guard MonotonicTime.now() - now.began >= now.plan.stepSeconds else { return }
        switch now.plan.strategy {
        case .rolling:
            if now.step >= now.replicas { return promoteByItself(now, candidate, "rolling: every replica is new") }
            candidate.engine.resize(to: now.step + 1)
            guard candidate.engine.replicas.processes.count >= now.step + 1 || now.replicas == 1 else { return }
            rollout?.step = now.step + 1
        case .canary, .shadow:
            guard now.plan.isAutomatic, verdict == .healthy else { return }
            if now.step + 1 >= max(1, now.plan.steps.count) {
                return promoteByItself(now, candidate, "\(now.plan.strategy.rawValue): healthy")
            }
            rollout?.step = now.step + 1
        }
        rollout?.began = MonotonicTime.now()
        admit(candidate)
        tell()
    }

    /// Moves the deployment's ref to what has proved itself.
    private func promoteByItself(_ now: Rollout, _ candidate: Generation, _ reason: String) {
        guard let store, let reference, let new = GitID(candidate.version) else { return }
        do {
            let old = store.repository.reference(reference)
            guard
                try store.repository.compareAndSwap(
                    reference, from: old, to: new, message: "promote: \(now.plan.strategy.rawValue)")
            else { return }
            end(.promoted, reason)
        } catch {
            ui.warning("cannot move '\(reference)': \((error as? MLError)?.message ?? "\(error)")")
        }
    }

    /// Writes down how the rollout ended; the ones beside this server hear of it from there.
    func end(_ outcome: RolloutPlan.State, _ reason: String) {
        guard let rollout, let store else { return }
        var plan = rollout.plan
        plan.state = outcome
        plan.reason = reason
        do { try store.write(plan, after: rollout.id) } catch {
            ui.warning("cannot write '\(store.reference)': \((error as? MLError)?.message ?? "\(error)")")
        }
        if outcome == .aborted {
            // Also where the ref could not be written: it is not tried again.
            settled = store.repository.reference(store.reference)
            leave()
        }
    }

    /// Takes the candidate out of the traffic.
    private func leave() {
        if let candidate = service.dismissCandidate() {
            if rollout?.plan.strategy == .rolling { service.generation.engine.resize(to: rollout?.replicas ?? 1) }
            candidate.retire(within: limits.timeout + 5)
            service.metrics.observeRollout("aborted")
            ui.status("\(GenerationOpener.short(candidate.version)) is out of the traffic.")
        }
        rollout = nil
        tell()
    }
}
