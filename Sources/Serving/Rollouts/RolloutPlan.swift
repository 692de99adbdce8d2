import Base

/// How a commit comes into the traffic step by step, and when it must leave it again.
public struct RolloutPlan: Sendable, Hashable {
    public enum Strategy: String, Sendable, CaseIterable {
        /// A share of the requests, or those with a header.
        case canary
        /// All requests, but nobody hears its answers.
        case shadow
        /// Replica by replica.
        case rolling
    }

    public enum State: String, Sendable {
        case running, promoted, aborted
    }

    public var state = State.running
    public var strategy: Strategy
    /// The full id of the commit that comes.
    public var commit: String
    /// A canary's shares of the traffic, one after the other, 0 to 1.
    public var steps: [Double]
    /// Seconds each step lasts at least.
    public var stepSeconds: Double
    /// Requests with this header go to the canary.
    public var header: (name: String, value: String?)?
    /// Whether it is promoted by itself after the last step.
    public var isAutomatic: Bool
    public var rules = RolloutRules()
    /// Why it ended as it did.
    public var reason: String?

    public init(
        strategy: Strategy, commit: String, steps: [Double] = [], stepSeconds: Double = 60,
        header: (name: String, value: String?)? = nil, isAutomatic: Bool = false
    ) {
        self.strategy = strategy
        self.commit = commit
        self.steps = steps
        self.stepSeconds = stepSeconds
        self.header = header
        self.isAutomatic = isAutomatic
    }

    /// What the candidate gets in a step.
    public func splits(step: Int) -> [Traffic.Split] {
        switch strategy {
        case .shadow: return [.shadow]
        case .rolling: return []
        case .canary:
            var splits: [Traffic.Split] = []
            if let header { splits.append(.header(name: header.name, value: header.value)) }
            if step < steps.count { splits.append(.share(steps[step])) }
            return splits
        }
    }

    /// - Throws: `MLError(.invalidInput)` for a document that is none.
    public init(_ json: JSON) throws {
        guard json["version"]?.intValue == 1, let state = json["state"]?.stringValue.flatMap(State.init),
            let strategy = json["strategy"]?.stringValue.flatMap(Strategy.init),
            let commit = json["commit"]?.stringValue
        else { throw MLError(.invalidInput, "this is no rollout that this version knows") }
        self.init(strategy: strategy, commit: commit)
        self.state = state
        steps = json["steps"]?.arrayValue?.compactMap(\.doubleValue).map { min(max($0, 0), 1) } ?? []
        stepSeconds = json["step_seconds"]?.doubleValue ?? 60
        if let name = json["header"]?["name"]?.stringValue { header = (name, json["header"]?["value"]?.stringValue) }
        isAutomatic = json["automatic"]?.boolValue ?? false
        reason = json["reason"]?.stringValue
        rules = RolloutRules(json["rules"] ?? .null)
    }

    public var json: JSON {
        var out: JSONObject = [
            "version": 1, "state": .string(state.rawValue), "strategy": .string(strategy.rawValue),
            "commit": .string(commit), "steps": JSON(steps), "step_seconds": JSON(stepSeconds),
            "automatic": .bool(isAutomatic), "rules": rules.json,
        ]
        if let header {
            out["header"] = ["name": .string(header.name), "value": header.value.map { .string($0) } ?? .null]
        }
        if let reason { out["reason"] = .string(reason) }
        return .object(out)
    }

    public static func == (a: RolloutPlan, b: RolloutPlan) -> Bool { a.json == b.json }
    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}

/// What a candidate must keep to stay in the traffic, and to get more of it.
public struct RolloutRules: Sendable, Hashable {
    /// Requests, of the candidate and of the one that answers now, before latency and classes are compared.
    public var minRequests = 100
    /// How much larger its share of failed requests may be.
    public var maxErrorRate = 0.05
    /// How many times as long its 99th percentile may take; a difference below `latencySlack` never counts.
    public var maxLatencyRatio = 3.0
    /// The largest population stability index between the classes that both predict.
    public var maxDrift = 0.25
    /// Seconds.
    static let latencySlack = 0.005

    public init() {}

    init(_ json: JSON) {
        if let value = json["min_requests"]?.intValue { minRequests = value }
        if let value = json["max_error_rate"]?.doubleValue { maxErrorRate = value }
        if let value = json["max_latency_ratio"]?.doubleValue { maxLatencyRatio = value }
        if let value = json["max_drift"]?.doubleValue { maxDrift = value }
    }

    var json: JSON {
        [
            "min_requests": JSON(minRequests), "max_error_rate": JSON(maxErrorRate),
            "max_latency_ratio": JSON(maxLatencyRatio), "max_drift": JSON(maxDrift),
        ]
    }

    public enum Verdict: Sendable, Hashable {
        /// Too little is known.
        case unknown
        case healthy
        /// It must leave the traffic.
        case unhealthy(String)
    }

    /// Judges by what happened since the candidate came.
    public func judge(
        stable: GenerationStatistics.Snapshot, candidate: GenerationStatistics.Snapshot, isFailing: Bool = false
    ) -> Verdict {
        if isFailing { return .unhealthy("its replicas end one after the other") }
        // Before there are enough, only what would be too many of enough counts.
        let rate = Double(candidate.errors) / Double(max(candidate.requests, minRequests, 1))
        if candidate.errors > 0, rate > stable.errorRate + maxErrorRate {
            return .unhealthy(
                "\(candidate.errors) of its \(candidate.requests) requests failed, and \(stable.errors) of "
                    + "\(stable.requests) of the one that answers now")
        }
        if candidate.requests < minRequests { return .unknown }
        // All traffic may be the candidate's: then there is nothing to compare with.
        if stable.requests < minRequests { return .healthy }
        if let own = candidate.latency(quantile: 0.99), let other = stable.latency(quantile: 0.99),
            own > other * maxLatencyRatio, own > other + RolloutRules.latencySlack
        {
            return .unhealthy(
                "99 % of its answers take up to \(RolloutRules.milliseconds(own)), now "
                    + "\(RolloutRules.milliseconds(other))")
        }
        let drift = RolloutRules.drift(stable, candidate)
        if drift > maxDrift {
            return .unhealthy("its classes drift: the stability index is \((drift * 1000).rounded() / 1000)")
        }
        return .healthy
    }

    /// The population stability index between the classes that two generations predicted.
    public static func drift(
        _ stable: GenerationStatistics.Snapshot, _ candidate: GenerationStatistics.Snapshot
    ) -> Double {
        let labels = Set(stable.classes.keys).union(candidate.classes.keys).sorted()
        func shares(_ numbers: GenerationStatistics.Snapshot) -> [Double] {
            Drift.shares(labels.map { Double(numbers.classes[$0] ?? 0) })
        }
        return labels.count < 2 ? 0 : Drift.stability(shares(stable), shares(candidate))
    }

    private static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
}
