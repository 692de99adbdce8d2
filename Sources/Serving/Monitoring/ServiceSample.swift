import Base

/// What a server had counted at a moment.
public struct ServiceSample: Sendable {
    /// Counts by upper bound, cumulative.
    struct Buckets: Sendable {
        var bounds: [Double] = []
        var counts: [Double] = []

        /// Counts of each bin alone, the last one being what is above all bounds.
        func bins(_ wanted: [Double]) -> [Double] {
            var before = 0.0
            return (wanted + [.infinity]).map { bound in
                let sum = bounds.lastIndex { $0 <= bound }.map { counts[$0] } ?? before
                defer { before = sum }
                return max(0, sum - before)
            }
        }
    }

    /// What one version of the model did.
    struct Version: Sendable {
        var classes: [String: Double] = [:]
        var scores = Buckets()
        var lengths = Buckets()
        var words = 0.0
        var unknownWords = 0.0
        var referenceClasses: [String: Double] = [:]
        var referenceScores: [Double] = []
        var referenceLengths: [Double] = []
        var referenceUnknownWords: Double?

        var predictions: Double { classes.values.reduce(0, +) }
    }

    /// Seconds since 1970.
    public var time: Double
    var start: Double?
    var model: String?
    var current: String?
    var generation = 0.0
    var codes: [String: Double] = [:]
    var durations = Buckets()
    var inFlight = 0.0
    var queue = 0.0
    var batches = 0.0
    var batchedTexts = 0.0
    var logErrors = 0.0
    var replicas: Double?
    var versions: [String: Version] = [:]

    /// Requests for predictions; probes and pages do not count.
    private static let endpoints: Set<String> = ["predict", "v2"]

    /// - Throws: `MLError(.invalidInput)` for a page of another kind of server.
    public init(_ page: PrometheusText, time: Double) throws {
        self.time = time
        start = page.sum("process_start_time_seconds")
        guard let info = page.values("gitml_generation_info").last else {
            throw MLError(.invalidInput, "its metrics are not those of 'git mlrun serve'")
        }
        current = info.labels["version"]
        model = info.labels["model"]
        generation = page.sum("gitml_generation_number") ?? 0
        for value in page.values("gitml_requests_total")
        where ServiceSample.endpoints.contains(value.labels["endpoint"] ?? "") || value.labels["endpoint"] == "refused"
        {
            codes[value.labels["code"] ?? "", default: 0] += value.value
        }
        durations = ServiceSample.buckets(page, "gitml_request_duration_seconds") {
            ServiceSample.endpoints.contains($0.labels["endpoint"] ?? "")
        }
        inFlight = page.sum("gitml_requests_in_flight") ?? 0
        queue = page.sum("gitml_queue_length") ?? 0
        batches = page.sum("gitml_batch_size_count") ?? 0
        batchedTexts = page.sum("gitml_batch_size_sum") ?? 0
        logErrors = page.sum("gitml_log_errors_total") ?? 0
        replicas = page.sum("gitml_replicas") { $0.labels["state"] == "ready" }
        readVersions(page)
    }

    private mutating func readVersions(_ page: PrometheusText) {
        if let current { versions[current] = Version() }
        for value in page.values("gitml_predictions_total") {
            versions[value.labels["version"] ?? "", default: Version()].classes[
                value.labels["class"] ?? "", default: 0] +=
                value.value
        }
        for value in page.values("gitml_reference_class_share") {
            versions[value.labels["version"] ?? "", default: Version()].referenceClasses[value.labels["class"] ?? ""] =
                value.value
        }
        for name in versions.keys {
            let isOwn = { (value: PrometheusText.Value) in value.labels["version"] == name }
            func shares(_ metric: String) -> [Double] { page.values(metric).filter(isOwn).map(\.value) }
            versions[name]?.scores = ServiceSample.buckets(page, "gitml_prediction_score", isOwn)
            versions[name]?.lengths = ServiceSample.buckets(page, "gitml_text_characters", isOwn)
            versions[name]?.words = page.sum("gitml_words_total", where: isOwn) ?? 0
            versions[name]?.unknownWords = page.sum("gitml_unknown_words_total", where: isOwn) ?? 0
            versions[name]?.referenceScores = shares("gitml_reference_score_share")
            versions[name]?.referenceLengths = shares("gitml_reference_characters_share")
            versions[name]?.referenceUnknownWords = shares("gitml_reference_unknown_words_share").first
        }
    }

    private static func buckets(
        _ page: PrometheusText, _ name: String, _ isMeant: (PrometheusText.Value) -> Bool
    ) -> Buckets {
        var sums: [Double: Double] = [:]
        for value in page.values(name + "_bucket") where isMeant(value) {
            let bound = value.labels["le"].flatMap { $0 == "+Inf" ? .infinity : Double($0) } ?? .infinity
            sums[bound, default: 0] += value.value
        }
        let sorted = sums.sorted { $0.key < $1.key }
        return Buckets(bounds: sorted.map(\.key), counts: sorted.map(\.value))
    }

    /// Whether everything counted since `earlier` is still counted: false after the server was started anew.
    func continues(_ earlier: ServiceSample) -> Bool {
        start == earlier.start && codes.values.reduce(0, +) >= earlier.codes.values.reduce(0, +)
    }
}

extension ServiceSample.Buckets {
    static func - (a: Self, b: Self) -> Self {
        guard a.bounds == b.bounds else { return a }
        return Self(bounds: a.bounds, counts: zip(a.counts, b.counts).map { max(0, $0 - $1) })
    }

    /// The value below which a share of all is, straight lines between the bounds (as Prometheus' `histogram_quantile`);
    /// nil without any.
    func quantile(_ share: Double) -> Double? {
        guard let all = counts.last, all > 0 else { return nil }
        let rank = share * all
        var (bound, below) = (0.0, 0.0)
        for (upper, count) in zip(bounds, counts) {
            if count >= rank {
                // Nothing is known of what is above the last bound.
                if upper == .infinity { return bound }
                return count > below ? bound + (upper - bound) * (rank - below) / (count - below) : upper
            }
            (bound, below) = (upper, count)
        }
        return bound
    }
}
