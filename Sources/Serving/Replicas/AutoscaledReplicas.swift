/// Samples one generation's load and keeps as many replicas as its autoscaler wants.
public struct AutoscaledReplicas: Sendable {
    private let generation: Generation
    private var autoscaler: Autoscaler
    private var samples: [(time: Double, value: Double)] = []
    private var lastDecision: Double

    public init(_ generation: Generation, _ parameters: Autoscaler.Parameters, now: Double) {
        self.generation = generation
        autoscaler = Autoscaler(parameters, now: now)
        lastDecision = now
    }

    public func isOf(_ other: Generation) -> Bool { generation === other }

    /// To be called about once a second.
    ///
    /// - Returns: the new number of replicas when it changes.
    public mutating func step(now: Double) -> (from: Int, to: Int)? {
        let state = generation.queue.state
        samples.append((now, Double(state.waiting + state.running)))
        samples.removeAll { $0.time <= now - autoscaler.parameters.window }
        guard now - lastDecision >= autoscaler.parameters.tick, let current = generation.engine.replicas.wanted,
            let inFlight = Autoscaler.inFlight([samples.map(\.value)])
        else { return nil }
        lastDecision = now
        let wanted = autoscaler.decide(now: now, current: current, inFlight: inFlight)
        guard wanted != current else { return nil }
        generation.engine.resize(to: wanted)
        return (current, wanted)
    }
}
