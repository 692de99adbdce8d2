import Base

/// Samples of a server over a while, and what they say at the newest.
public struct MonitorHistory: Sendable {
    public let url: String
    /// Seconds that rates and latencies are of.
    public let window: Double
    private var samples: [ServiceSample] = []
    /// The newest sample that is older than the window; what came since is compared with training.
    private var before: ServiceSample?
    /// One entry a sample, for charts: seconds since 1970, requests a second, 99th percentile, share that failed.
    public private(set) var course: [(time: Double, perSecond: Double?, p99: Double?, failed: Double)] = []

    private static let longest = 600

    public init(url: String, window: Double) {
        self.url = url
        self.window = window
    }

    /// Takes a sample in, and says how things stand.
    public mutating func add(_ sample: ServiceSample) -> ServiceSummary {
        if let last = samples.last, !sample.continues(last) {
            samples = []
            before = nil
        }
        let previous = samples.last
        samples.append(sample)
        while samples.count > 2, let first = samples.first, sample.time - first.time > window {
            before = samples.removeFirst()
        }
        let step = ServiceSummary(url, sample, since: previous, driftSince: before)
        // Of the first sample nothing is known but sums since the start.
        if previous != nil {
            course.append((sample.time, step.perSecond, step.latency.p99, step.failed))
            if course.count > MonitorHistory.longest { course.removeFirst() }
        }
        return ServiceSummary(
            url, sample, since: samples.count > 1 ? samples.first : nil, driftSince: before)
    }

    /// The summary with the course of things, for the page.
    public func document(_ summary: ServiceSummary) -> JSON {
        func number(_ value: Double?) -> JSON { value.map { JSON($0) } ?? .null }
        var out = summary.json.objectValue ?? [:]
        out["course"] = .array(
            course.map { [JSON($0.time), number($0.perSecond), number($0.p99), JSON($0.failed)] })
        return .object(out)
    }
}
