import Base
import Glibc
import Synchronization

/// What happened to the requests of one generation: what a rollout is judged by.
public final class GenerationStatistics: @unchecked Sendable {
    /// Numbers at one moment.
    public struct Snapshot: Sendable {
        public var requests = 0
        /// Those the model failed or was too late for.
        public var errors = 0
        /// Counts by upper bound, in seconds; the last is beyond all bounds.
        var latencies = [Int](repeating: 0, count: GenerationStatistics.bounds.count + 1)
        /// Predictions by label.
        public var classes: [String: Int] = [:]
        /// As a shadow: predictions whose label was the same as the one that was answered.
        public var agreements = 0
        public var comparisons = 0

        public init() {}

        /// The share of failed requests.
        public var errorRate: Double { requests == 0 ? 0 : Double(errors) / Double(requests) }

        /// Seconds under which a share of the answers stayed, to about 10 %; nil without answers.
        public func latency(quantile: Double) -> Double? {
            let all = latencies.reduce(0, +)
            if all == 0 { return nil }
            var sum = 0
            for (index, count) in latencies.enumerated() {
                sum += count
                if Double(sum) >= quantile * Double(all) {
                    return GenerationStatistics.bounds[min(index, GenerationStatistics.bounds.count - 1)]
                }
            }
            return GenerationStatistics.bounds.last
        }

        /// What came in since an earlier moment.
        public func since(_ earlier: Snapshot) -> Snapshot {
            var out = self
            out.requests -= earlier.requests
            out.errors -= earlier.errors
            out.latencies = zip(latencies, earlier.latencies).map { $0 - $1 }
            for (label, count) in earlier.classes { out.classes[label, default: 0] -= count }
            out.agreements -= earlier.agreements
            out.comparisons -= earlier.comparisons
            return out
        }

        mutating func add(seconds: Double) {
            let place = seconds <= 1e-5 ? 0 : Int((log(seconds / 1e-5) / log(1.1)).rounded(.up))
            latencies[min(place, GenerationStatistics.bounds.count)] += 1
        }
    }

    /// 10 µs to about 100 s, each a tenth more than the one before.
    static let bounds = (0..<170).map { 1e-5 * pow(1.1, Double($0)) }

    private let mutex = Base.Mutex()
    private var numbers = Snapshot()
    private let underWay = Atomic<Int>(0)

    public init() {}

    public var snapshot: Snapshot { mutex.withLock { numbers } }
    /// Requests that this generation has yet to answer.
    public var requestsUnderWay: Int { underWay.load(ordering: .relaxed) }

    func enter() { underWay.add(1, ordering: .relaxed) }
    func leave() { underWay.subtract(1, ordering: .relaxed) }

    /// Counts an answered request with the labels it got.
    public func observe(labels: [String], seconds: Double) {
        mutex.withLock {
            numbers.requests += 1
            numbers.add(seconds: seconds)
            for label in labels { numbers.classes[label, default: 0] += 1 }
        }
    }

    /// Counts one the model failed.
    public func observeError(seconds: Double) {
        mutex.withLock {
            numbers.requests += 1
            numbers.errors += 1
            numbers.add(seconds: seconds)
        }
    }

    func observe(agreements: Int, of comparisons: Int) {
        mutex.withLock {
            numbers.agreements += agreements
            numbers.comparisons += comparisons
        }
    }
}
