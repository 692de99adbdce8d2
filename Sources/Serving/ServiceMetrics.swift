import Base

/// What a service counts, in Prometheus' text format 0.0.4.
public final class ServiceMetrics: @unchecked Sendable {
    private struct Route: Hashable {
        var endpoint: String
        var code: Int
    }

    private struct Class: Hashable {
        var version: String
        var label: String
    }

    private static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let sizes: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256]

    /// What is known of the texts that a version was asked.
    private struct Texts {
        var lengths = MetricsHistogram(ReferenceDistribution.lengthBounds)
        var words = 0
        var unknownWords = 0
        var hasVocabulary = false
        var reference: ReferenceDistribution?
    }

    private let mutex = Mutex()
    private var requests: [Route: Int] = [:]
    private var durations: [String: MetricsHistogram] = [:]
    private var batches = MetricsHistogram(sizes)
    private var classes: [Class: Int] = [:]
    private var scores: [String: MetricsHistogram] = [:]
    private var texts: [String: Texts] = [:]
    private var inFlight = 0
    private var logErrors = 0
    private var switches = 0
    private var failedSwitches = 0
    private let started = Double(Timestamp.now().seconds)
    private var retries = 0
    private var replicaEnds = 0
    private var shadows: [String: Int] = [:]
    private var outcomes: [String: Int] = [:]
    private var collectors: [@Sendable (inout MetricsPage) -> Void] = []

    public init() {}

    func begin() { mutex.withLock { inFlight += 1 } }

    func end(_ endpoint: String, code: Int, seconds: Double) {
        mutex.withLock {
            inFlight -= 1
            requests[Route(endpoint: endpoint, code: code), default: 0] += 1
            durations[endpoint, default: MetricsHistogram(ServiceMetrics.seconds)].add(seconds)
        }
    }

    func observe(batch: Int) { mutex.withLock { batches.add(Double(batch)) } }

    func observe(_ generation: Generation, _ text: String, label: String, score: Double) {
        let length = text.unicodeScalars.count
        let words = generation.vocabulary?.words(in: text)
        mutex.withLock {
            classes[Class(version: generation.version, label: label), default: 0] += 1
            scores[generation.version, default: MetricsHistogram(ReferenceDistribution.scoreBounds)].add(score)
            texts[generation.version, default: Texts(reference: generation.reference)].lengths.add(Double(length))
            if let words {
                texts[generation.version]?.hasVocabulary = true
                texts[generation.version]?.words += words.all
                texts[generation.version]?.unknownWords += words.unknown
            }
        }
    }

    /// Words that a replica counted.
    func observe(_ version: String, words: Int, unknown: Int) {
        mutex.withLock {
            texts[version, default: Texts()].hasVocabulary = true
            texts[version]?.words += words
            texts[version]?.unknownWords += unknown
        }
    }

    func logFailed() { mutex.withLock { logErrors += 1 } }

    /// Requests that are asked anew because a replica died with them.
    func observeRetries(_ count: Int) { mutex.withLock { retries += count } }

    func observeReplicaEnd() { mutex.withLock { replicaEnds += 1 } }

    /// - Parameter outcome: `same`, `different`, `failed` or `dropped`.
    func observeShadow(_ outcome: String, _ count: Int = 1) { mutex.withLock { shadows[outcome, default: 0] += count } }

    /// - Parameter outcome: `promoted` or `aborted`.
    public func observeRollout(_ outcome: String) { mutex.withLock { outcomes[outcome, default: 0] += 1 } }

    /// Adds metrics of somebody else to the page.
    public func collect(_ collector: @escaping @Sendable (inout MetricsPage) -> Void) {
        mutex.withLock { collectors.append(collector) }
    }

    /// - Parameter hasFailed: the generation did not get traffic.
    public func observeSwitch(hasFailed: Bool) {
        mutex.withLock { if hasFailed { failedSwitches += 1 } else { switches += 1 } }
    }

    /// The page that Prometheus reads.
    func page(_ traffic: Traffic) -> String {
        let collectors = mutex.withLock { self.collectors }
        var page = MetricsPage()
        mutex.withLock {
            requestLines(&page)
            texts(&page, traffic)
        }
        generationLines(&page, traffic)
        for collector in collectors { collector(&page) }
        return page.text
    }

    private func requestLines(_ page: inout MetricsPage) {
        page.begin("gitml_requests_total", "counter", "Requests answered, by endpoint and status.")
        for (route, count) in requests.sorted(by: { ($0.key.endpoint, $0.key.code) < ($1.key.endpoint, $1.key.code) }) {
            page.line(
                "gitml_requests_total", [("endpoint", route.endpoint), ("code", String(route.code))], Double(count))
        }
        page.begin("gitml_request_duration_seconds", "histogram", "Time from a request's last byte to its answer.")
        for (endpoint, histogram) in durations.sorted(by: { $0.key < $1.key }) {
            page.histogram("gitml_request_duration_seconds", [("endpoint", endpoint)], histogram)
        }
        page.begin("gitml_requests_in_flight", "gauge", "Requests that wait for their answer.")
        page.line("gitml_requests_in_flight", [], Double(inFlight))
        page.begin("gitml_batch_size", "histogram", "Texts the model was given at once.")
        page.histogram("gitml_batch_size", [], batches)
        page.begin("gitml_predictions_total", "counter", "Texts by predicted class and the model's commit.")
        for (key, count) in classes.sorted(by: { ($0.key.version, $0.key.label) < ($1.key.version, $1.key.label) }) {
            page.line("gitml_predictions_total", [("version", key.version), ("class", key.label)], Double(count))
        }
        page.begin("gitml_prediction_score", "histogram", "The predicted class's probability.")
        for (version, histogram) in scores.sorted(by: { $0.key < $1.key }) {
            page.histogram("gitml_prediction_score", [("version", version)], histogram)
        }
        page.begin("gitml_switches_total", "counter", "Switches to another commit, by outcome.")
        page.line("gitml_switches_total", [("outcome", "done")], Double(switches))
        page.line("gitml_switches_total", [("outcome", "refused")], Double(failedSwitches))
        page.begin("gitml_rollouts_total", "counter", "Gradual deployments that ended, by outcome.")
        for outcome in ["aborted", "promoted"] {
            page.line("gitml_rollouts_total", [("outcome", outcome)], Double(outcomes[outcome] ?? 0))
        }
        page.begin("gitml_shadow_predictions_total", "counter", "What the shadow said, compared to the answer.")
        for outcome in ["different", "dropped", "failed", "same"] {
            page.line("gitml_shadow_predictions_total", [("outcome", outcome)], Double(shadows[outcome] ?? 0))
        }
        page.begin("gitml_retries_total", "counter", "Requests asked anew because a replica ended with them.")
        page.line("gitml_retries_total", [], Double(retries))
        page.begin("gitml_replica_ends_total", "counter", "Replicas that ended and were replaced.")
        page.line("gitml_replica_ends_total", [], Double(replicaEnds))
        page.begin("process_start_time_seconds", "gauge", "When the server was started, in seconds since 1970.")
        page.line("process_start_time_seconds", [], started)
        page.begin("gitml_log_errors_total", "counter", "Log lines that could not be written.")
        page.line("gitml_log_errors_total", [], Double(logErrors))
    }

    private func generationLines(_ page: inout MetricsPage, _ traffic: Traffic) {
        let generations = traffic.all
        let states = generations.map { ($0, $0.queue.state, $0.engine.replicas, $0.statistics.snapshot) }
        page.begin("gitml_queue_length", "gauge", "Requests that wait for the model.")
        page.line("gitml_queue_length", [], Double(states.reduce(0) { $0 + $1.1.waiting }))
        page.begin("gitml_generation_info", "gauge", "The commit that answers now.")
        page.line(
            "gitml_generation_info", [("version", traffic.stable.version), ("model", traffic.stable.model)], 1)
        page.begin("gitml_generation_number", "gauge", "How many generations were put in place.")
        page.line("gitml_generation_number", [], Double(traffic.stable.number))
        page.begin("gitml_generation_requests_total", "counter", "Requests that a generation's model was given.")
        for (generation, _, _, numbers) in states {
            page.line("gitml_generation_requests_total", [("version", generation.version)], Double(numbers.requests))
        }
        page.begin("gitml_generation_errors_total", "counter", "Those the model failed or was too late for.")
        for (generation, _, _, numbers) in states {
            page.line("gitml_generation_errors_total", [("version", generation.version)], Double(numbers.errors))
        }
        page.begin("gitml_generation_in_flight", "gauge", "Requests that wait for a generation or are with it.")
        for (generation, queue, _, _) in states {
            page.line(
                "gitml_generation_in_flight", [("version", generation.version)], Double(queue.waiting + queue.running))
        }
        page.begin("gitml_replicas", "gauge", "Processes that answer, by state.")
        for (generation, _, replicas, _) in states {
            guard let wanted = replicas.wanted else { continue }
            let version = generation.version
            page.line("gitml_replicas", [("version", version), ("state", "ready")], Double(replicas.processes.count))
            page.line("gitml_replicas", [("version", version), ("state", "wanted")], Double(wanted))
        }
    }

    /// What was asked, and what was asked of the model when it was trained.
    private func texts(_ page: inout MetricsPage, _ traffic: Traffic) {
        var known = texts
        for generation in traffic.all { known[generation.version, default: Texts()].reference = generation.reference }
        let all = known.sorted { $0.key < $1.key }
        page.begin("gitml_text_characters", "histogram", "Length of the texts, in characters.")
        for (version, texts) in all { page.histogram("gitml_text_characters", [("version", version)], texts.lengths) }
        let counted = all.filter(\.value.hasVocabulary)
        if !counted.isEmpty {
            page.begin("gitml_words_total", "counter", "Words of the texts.")
            for (version, texts) in counted {
                page.line("gitml_words_total", [("version", version)], Double(texts.words))
            }
            page.begin("gitml_unknown_words_total", "counter", "Words of the texts that the model does not know.")
            for (version, texts) in counted {
                page.line("gitml_unknown_words_total", [("version", version)], Double(texts.unknownWords))
            }
        }
        let references = all.compactMap { version, texts in texts.reference.map { (version, $0) } }
        if references.isEmpty { return }
        func gauge(
            _ name: String, _ help: String, _ values: (ReferenceDistribution) -> [(labels: [(String, String)], Double)]
        ) {
            page.begin(name, "gauge", help)
            for (version, reference) in references {
                for (labels, value) in values(reference) { page.line(name, [("version", version)] + labels, value) }
            }
        }
        gauge("gitml_reference_class_share", "The share of texts of a class, on the data of training.") {
            $0.classes.map { ([("class", $0.label)], $0.share) }
        }
        gauge("gitml_reference_score_share", "The share of scores of a bin, on the data of training.") {
            zip(ReferenceDistribution.scoreBounds, $0.scores).map { ([("up_to", MetricsPage.spell($0))], $1) }
        }
        gauge("gitml_reference_characters_share", "The share of texts of a length, on the data of training.") {
            zip(ReferenceDistribution.lengthBounds + [.infinity], $0.lengths).map {
                ([("up_to", MetricsPage.spell($0))], $1)
            }
        }
        gauge("gitml_reference_unknown_words_share", "The share of unknown words, on the data of training.") {
            $0.unknownWords.map { [([], $0)] } ?? []
        }
    }
}
