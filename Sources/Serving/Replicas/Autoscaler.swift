import Base

/// How many replicas a load needs: Cortex's algorithm for realtime APIs (cortexlabs/cortex, `pkg/autoscaler/autoscaler.go` and
/// `realtime_scaler.go`), as a pure function of samples, clock and parameters.
public struct Autoscaler: Sendable {
    public struct Parameters: Sendable, Hashable {
        public var minReplicas = 1
        public var maxReplicas = 100
        /// Requests, waiting or being answered, that one replica should have.
        public var targetInFlight = 1.0
        /// Seconds over which requests in flight are averaged.
        public var window = 60.0
        /// Seconds between decisions.
        public var tick = 10.0
        /// Seconds over which the largest recommendation holds.
        public var downscaleStabilization = 300.0
        /// Seconds over which the smallest recommendation holds.
        public var upscaleStabilization = 60.0
        /// Changes by a smaller share are not made.
        public var downscaleTolerance = 0.05
        public var upscaleTolerance = 0.05
        /// Most that one decision takes away or adds; one replica is always allowed.
        public var maxDownscaleFactor = 0.75
        public var maxUpscaleFactor = 1.5

        public init() {}

        /// - Throws: `MLError(.usage)` naming what cannot be.
        public func check() throws {
            let rules: [(Bool, String)] = [
                (minReplicas >= 0, "the fewest replicas cannot be below 0"),
                (maxReplicas >= max(1, minReplicas), "the most replicas must be at least 1 and the fewest"),
                (targetInFlight > 0 && targetInFlight.isFinite, "the target in flight must be positive"),
                (tick > 0 && window >= tick, "the tick must be positive, and the window at least one tick"),
                (
                    (window / tick - (window / tick).rounded()).magnitude < 1e-9,
                    "the window must be a multiple of the tick"
                ),
                (downscaleStabilization >= 0 && upscaleStabilization >= 0, "stabilization periods cannot be negative"),
                (downscaleTolerance >= 0 && upscaleTolerance >= 0, "tolerances cannot be negative"),
                ((0...1).contains(maxDownscaleFactor), "the largest downscale factor must be from 0 to 1"),
                (maxUpscaleFactor >= 1, "the largest upscale factor must be at least 1"),
            ]
            for (holds, words) in rules where !holds { throw MLError(.usage, words) }
        }
    }

    public let parameters: Parameters
    /// When it began to decide.
    private let start: Double
    private var recommendations: [(time: Double, replicas: Int)] = []

    /// - Parameter now: seconds of any clock.
    public init(_ parameters: Parameters, now: Double) {
        self.parameters = parameters
        start = now
    }

    /// Requests in flight, averaged over the window: the sum of all samples of all replicas, by the largest number of samples
    /// of one replica. A replica that has just begun counts with what it has.
    ///
    /// - Parameter series: for each replica its samples within the window.
    /// - Returns: nil without samples.
    public static func inFlight(_ series: [[Double]]) -> Double? {
        let most = series.map(\.count).max() ?? 0
        return most == 0 ? nil : series.joined().reduce(0, +) / Double(most)
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - now: seconds of the clock of `init`.
    ///   - current: replicas that are wanted now.
    ///   - inFlight: the average of `inFlight(_:)`.
    /// - Returns: replicas that are wanted from now on.
    public mutating func decide(now: Double, current: Int, inFlight: Double) -> Int {
        let p = parameters
        let c = Double(current)
        let raw = inFlight / p.targetInFlight
        var recommendation = Int(min(raw.rounded(.up), 1e9))
        if raw < c, raw > c * (1 - p.downscaleTolerance) { recommendation = current }
        if raw > c, raw < c * (1 + p.upscaleTolerance) { recommendation = current }
        let floor = min(current - 1, Int((c * p.maxDownscaleFactor).rounded(.up)))
        let ceiling = max(current + 1, Int((c * p.maxUpscaleFactor).rounded(.up)))
        recommendation = min(max(recommendation, floor), ceiling)
        recommendation = min(max(recommendation, p.minReplicas), p.maxReplicas)

        let longest = max(p.downscaleStabilization, p.upscaleStabilization)
        recommendations.removeAll { $0.time < now - longest }
        recommendations.append((now, recommendation))

        var request = recommendation
        let age = now - start
        if request < current {
            if age < p.downscaleStabilization { return current }
            request = max(request, min(within(p.downscaleStabilization, now).max() ?? request, current))
        } else if request > current {
            if age < p.upscaleStabilization { return current }
            request = min(request, max(within(p.upscaleStabilization, now).min() ?? request, current))
        }
        return request
    }

    private func within(_ period: Double, _ now: Double) -> [Int] {
        recommendations.filter { $0.time >= now - period }.map(\.replicas)
    }
}
