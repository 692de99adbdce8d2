import Base
import Glibc

/// Answers requests with one generation of a model, and puts another in its place while requests are under way.
public final class ModelService: RequestHandling, @unchecked Sendable {
    /// What a service allows.
    public struct Limits: Sendable {
        /// Most texts of one request.
        public var texts = 1024
        /// Seconds a request may take from its last byte to its answer.
        public var seconds = 30.0

        public init() {}
    }

    /// Says how a prediction came about, as JSON.
    public typealias Explain = @Sendable (Generation, String) throws -> JSON

    public let metrics: ServiceMetrics
    let limits: Limits
    let explanations: ExplanationQueue?
    private let guards: RequestGuard
    private let journal: ServiceJournal
    private let mutex = Mutex()
    private var traffic: Traffic
    private var isDraining = false

    /// - Parameters:
    ///   - explain: nil when explanations are not offered.
    public init(
        _ first: Generation, metrics: ServiceMetrics, limits: Limits = Limits(), guards: RequestGuard = RequestGuard(),
        journal: ServiceJournal, explain: Explain? = nil
    ) {
        traffic = Traffic(first)
        self.metrics = metrics
        self.limits = limits
        self.guards = guards
        self.journal = journal
        explanations = explain.map { ExplanationQueue($0) }
        watchDeadlines()
    }

    /// The generation that requests get, unless a candidate takes some.
    public var generation: Generation { mutex.withLock { traffic.stable } }

    /// The generation beside it; nil when there is none.
    public var candidate: Generation? { mutex.withLock { traffic.candidate?.generation } }

    /// Gives new requests to another generation; those under way keep theirs. A candidate stays, unless it is the one.
    ///
    /// - Returns: the generation that is out of the traffic now.
    @discardableResult
    public func replace(by generation: Generation) -> Generation {
        let old = mutex.withLock {
            let old = traffic.stable
            traffic.stable = generation
            if traffic.candidate?.generation === generation { traffic.candidate = nil }
            return old
        }
        metrics.observeSwitch(hasFailed: false)
        return old
    }

    /// Puts a generation beside the one that answers, or changes what it gets.
    public func admit(_ candidate: Generation, _ splits: [Traffic.Split]) {
        mutex.withLock { traffic.candidate = (candidate, splits) }
    }

    /// Takes the candidate out of the traffic.
    @discardableResult
    public func dismissCandidate() -> Generation? {
        mutex.withLock {
            defer { traffic.candidate = nil }
            return traffic.candidate?.generation
        }
    }

    /// Ends what nobody waits for any more, twenty times a second: a model that hangs must not keep its requests.
    private func watchDeadlines() {
        startThread { [weak self] in
            while let generations = self?.currentGenerations {
                for generation in generations { generation.queue.expire() }
                usleep(50_000)
            }
        }
    }

    private var currentGenerations: [Generation] { mutex.withLock { traffic.all } }

    /// From now on `/readyz` says no.
    public func drain() { mutex.withLock { isDraining = true } }

    var isReady: Bool {
        let (isDraining, stable) = mutex.withLock { (self.isDraining, self.traffic.stable) }
        if isDraining || stable.engine.replicas.isFailing { return false }
        // One that hangs does not keep the others from answering.
        let late = stable.queue.state.ages.filter { $0 >= limits.seconds }.count
        return late == 0 || late < stable.engine.workers
    }

    public func refuse(status: Int, _ request: ServedRequest) -> ServedReply {
        let request = guards.identified(request)
        let identity = RequestIdentity(request)
        let version = generation.version
        var answer = ServedReply.error(status, RequestGuard.words(status))
        if status == 503 { answer.headers.append(("retry-after", "1")) }
        complete(&answer, identity, version: version)
        metrics.begin()
        metrics.end("refused", code: status, seconds: 0)
        journal.access(request, answer, version: version, identity, seconds: 0)
        return answer
    }

    /// Adds the headers of every answer.
    private func complete(_ answer: inout ServedReply, _ identity: RequestIdentity, version: String) {
        answer.headers.append(("x-request-id", identity.id))
        answer.headers.append(("x-model-version", version))
        if let trace = identity.parent { answer.headers.append(("traceparent", trace)) }
        answer.headers += guards.headers
    }

    public func handle(_ request: ServedRequest, reply: @escaping @Sendable (ServedReply) -> Void) {
        let start = MonotonicTime.nanoseconds()
        let request = guards.identified(request)
        // Entered under the lock: what is out of the traffic and has nobody in it can end.
        let (generation, shadow) = mutex.withLock {
            let chosen = traffic.choose(request)
            chosen.answering.statistics.enter()
            return chosen
        }
        let context = RequestContext(generation: generation, shadow: shadow, identity: RequestIdentity(request))
        metrics.begin()
        route(request, context) { endpoint, answer in
            var answer = answer
            let version = answer.version ?? generation.version
            self.complete(&answer, context.identity, version: version)
            let seconds = Double(MonotonicTime.nanoseconds() - start) / 1e9
            generation.statistics.leave()
            self.metrics.end(endpoint, code: answer.status, seconds: seconds)
            self.journal.access(request, answer, version: version, context.identity, seconds: seconds)
            reply(answer)
        }
    }

    private func route(
        _ request: ServedRequest, _ context: RequestContext,
        _ finish: @escaping @Sendable (String, ServedReply) -> Void
    ) {
        let method = request.method == "HEAD" ? "GET" : request.method
        // Probes need no credentials: those who ask have none.
        switch (method, request.path) {
        case ("GET", "/healthz"), ("GET", "/v2/health/live"): return finish("health", .json(["live": true]))
        case ("GET", "/readyz"), ("GET", "/v2/health/ready"):
            let isReady = isReady
            return finish("health", .json(["ready": .bool(isReady)], status: isReady ? 200 : 503))
        default: break
        }
        if let refusal = guards.refusal(of: request) { return finish("refused", refusal) }
        if let coding = request.header("content-encoding"), coding.lowercased() != "identity", !request.body.isEmpty {
            let words = "the body must come as it is, not as '\(coding.prefix(60))'"
            return finish("refused", ServedReply.error(415, words).with(("accept-encoding", "identity")))
        }
        switch (method, request.path) {
        case ("GET", "/"):
            finish("page", ServedReply(200, "text/html; charset=utf-8", body: TryPage.bytes(context.generation)))
        case ("GET", "/metrics"):
            let page = metrics.page(mutex.withLock { traffic })
            finish("metrics", ServedReply(200, "text/plain; version=0.0.4; charset=utf-8", body: Array(page.utf8)))
        case ("GET", "/openapi.json"): finish("openapi", .json(OpenAPIDocument.of(context.generation)))
        case ("POST", "/predict"):
            PlainPrediction(service: self, context: context).answer(request) {
                finish("predict", $0)
            }
        case (_, "/predict"):
            finish("predict", ServedReply.error(405, "use POST").with(("allow", "POST")))
        default:
            InferenceProtocol(service: self, context: context).answer(method, request) {
                finish("v2", $0)
            }
        }
    }

    func report(_ error: any Error, _ identity: RequestIdentity) { journal.failure(error, identity) }

    /// Predicts, counts and logs.
    ///
    /// - Parameter finish: gets the generation that answered and its rows, or the answer that says why there are none.
    func predict(
        _ texts: [String], _ context: RequestContext,
        _ finish: @escaping @Sendable (Generation, Result<[[Double]], ServiceFailure>) -> Void
    ) {
        let generation = context.generation
        guard !texts.isEmpty else { return finish(generation, .failure(ServiceFailure(400, "there is no text"))) }
        guard texts.count <= limits.texts else {
            let words = "\(texts.count) texts are more than the \(limits.texts) of one request"
            return finish(generation, .failure(ServiceFailure(413, words)))
        }
        let deadline = MonotonicTime.nanoseconds() + UInt64(limits.seconds * 1e9)
        ask(generation, texts, context, deadline: deadline) { result in
            // A candidate that fails is counted, and nobody suffers for it.
            if case .failure(let failure) = result, failure.status != 504, self.generation !== generation {
                let stable = self.generation
                return self.ask(stable, texts, context, deadline: deadline) { finish(stable, $0) }
            }
            finish(generation, result)
        }
    }

    private func ask(
        _ generation: Generation, _ texts: [String], _ context: RequestContext, deadline: UInt64,
        _ finish: @escaping @Sendable (Result<[[Double]], ServiceFailure>) -> Void
    ) {
        let start = MonotonicTime.nanoseconds()
        let job = PredictionJob(texts: texts, deadline: deadline) { result in
            let seconds = Double(MonotonicTime.nanoseconds() - start) / 1e9
            switch result {
            case .success(let rows):
                let best = rows.map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
                let labels = best.map { generation.labels[$0] }
                generation.statistics.observe(labels: labels, seconds: seconds)
                for (text, (row, best)) in zip(texts, zip(rows, best)) {
                    self.metrics.observe(generation, text, label: generation.labels[best], score: row[best])
                    self.journal.prediction(text, row, best, generation, context.identity)
                }
                finish(.success(rows))
                if let shadow = context.shadow { self.ask(shadow: shadow, texts, labels) }
            case .failure(let error):
                generation.statistics.observeError(seconds: seconds)
                if let failure = error as? ServiceFailure { return finish(.failure(failure)) }
                // What went wrong inside is for the log, not for the client.
                self.journal.failure(error, context.identity)
                let words = "the model failed; see the server's log for \(context.identity.id)"
                finish(.failure(ServiceFailure(500, words)))
            }
        }
        if !generation.queue.submit(job) {
            finish(.failure(ServiceFailure(503, "too many requests wait", retryAfter: 1)))
        }
    }

    /// Asks a shadow the same, and only counts what it says.
    private func ask(shadow: Generation, _ texts: [String], _ labels: [String]) {
        let start = MonotonicTime.nanoseconds()
        let job = PredictionJob(texts: texts, deadline: start + UInt64(limits.seconds * 1e9)) { result in
            let seconds = Double(MonotonicTime.nanoseconds() - start) / 1e9
            guard case .success(let rows) = result else {
                shadow.statistics.observeError(seconds: seconds)
                return self.metrics.observeShadow("failed", texts.count)
            }
            let own = rows.map { row in shadow.labels[row.indices.max { row[$0] < row[$1] } ?? 0] }
            shadow.statistics.observe(labels: own, seconds: seconds)
            let same = zip(own, labels).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
            shadow.statistics.observe(agreements: same, of: labels.count)
            self.metrics.observeShadow("same", same)
            self.metrics.observeShadow("different", labels.count - same)
        }
        if shadow.queue.state.waiting >= ModelService.shadowLimit || !shadow.queue.submit(job) {
            metrics.observeShadow("dropped", texts.count)
        }
    }

    /// Most requests that wait for a shadow.
    private static let shadowLimit = 64
}

/// Why there is no prediction.
struct ServiceFailure: Error {
    var status: Int
    var message: String
    var retryAfter: Int?

    init(_ status: Int, _ message: String, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
    }

    var reply: ServedReply {
        let answer = ServedReply.error(status, message)
        return retryAfter.map { answer.with(("retry-after", String($0))) } ?? answer
    }
}

extension ServedReply {
    func with(_ header: (name: String, value: String)) -> ServedReply {
        var copy = self
        copy.headers.append(header)
        return copy
    }
}
