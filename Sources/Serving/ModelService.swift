import Base
import Dispatch

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
    let queue: PredictionQueue
    let limits: Limits
    let explain: Explain?
    private let guards: RequestGuard
    private let journal: ServiceJournal
    private let mutex = Mutex()
    private var current: Generation
    private var isDraining = false

    /// - Parameters:
    ///   - explain: nil when explanations are not offered.
    public init(
        _ first: Generation, queue: PredictionQueue, metrics: ServiceMetrics, limits: Limits = Limits(),
        guards: RequestGuard = RequestGuard(), journal: ServiceJournal, explain: Explain? = nil
    ) {
        current = first
        self.queue = queue
        self.metrics = metrics
        self.limits = limits
        self.guards = guards
        self.journal = journal
        self.explain = explain
    }

    /// The generation that new requests get.
    public var generation: Generation { mutex.withLock { current } }

    /// Gives new requests to another generation; those under way keep theirs.
    public func replace(by generation: Generation) {
        mutex.withLock { current = generation }
        metrics.observeSwitch(hasFailed: false)
    }

    /// From now on `/readyz` says no.
    public func drain() { mutex.withLock { isDraining = true } }

    var isReady: Bool { !mutex.withLock { isDraining } && queue.state.longest < limits.seconds }

    public func refuse(status: Int, client: String) -> ServedReply {
        metrics.begin()
        metrics.end("refused", code: status, seconds: 0)
        return .error(status, RequestGuard.words(status))
    }

    public func handle(_ request: ServedRequest, reply: @escaping @Sendable (ServedReply) -> Void) {
        let start = DispatchTime.now().uptimeNanoseconds
        let generation = generation
        let identity = RequestIdentity(request)
        metrics.begin()
        route(request, generation, identity) { endpoint, answer in
            var answer = answer
            answer.headers.append(("x-request-id", identity.id))
            answer.headers.append(("x-model-version", generation.version))
            answer.headers += self.guards.headers
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            self.metrics.end(endpoint, code: answer.status, seconds: seconds)
            self.journal.access(request, answer, generation, identity, seconds: seconds)
            reply(answer)
        }
    }

    private func route(
        _ request: ServedRequest, _ generation: Generation, _ identity: RequestIdentity,
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
        switch (method, request.path) {
        case ("GET", "/"): finish("page", ServedReply(200, "text/html; charset=utf-8", body: TryPage.bytes(generation)))
        case ("GET", "/metrics"):
            let page = metrics.page(generation, waiting: queue.state.waiting)
            finish("metrics", ServedReply(200, "text/plain; version=0.0.4; charset=utf-8", body: Array(page.utf8)))
        case ("GET", "/openapi.json"): finish("openapi", .json(OpenAPIDocument.of(generation)))
        case ("POST", "/predict"):
            PlainPrediction(service: self, generation: generation, identity: identity).answer(request) {
                finish("predict", $0)
            }
        case (_, "/predict"):
            finish("predict", ServedReply.error(405, "use POST").with(("allow", "POST")))
        default:
            InferenceProtocol(service: self, generation: generation, identity: identity).answer(method, request) {
                finish("v2", $0)
            }
        }
    }

    /// Predicts, counts and logs.
    ///
    /// - Parameter finish: gets the rows, or the answer that says why there are none.
    func predict(
        _ texts: [String], _ generation: Generation, _ identity: RequestIdentity,
        _ finish: @escaping @Sendable (Result<[[Double]], ServiceFailure>) -> Void
    ) {
        guard !texts.isEmpty else { return finish(.failure(ServiceFailure(400, "there is no text"))) }
        guard texts.count <= limits.texts else {
            return finish(
                .failure(ServiceFailure(413, "\(texts.count) texts are more than the \(limits.texts) of one request")))
        }
        let deadline = DispatchTime.now().uptimeNanoseconds + UInt64(limits.seconds * 1e9)
        let job = PredictionQueue.Job(texts: texts, generation: generation, deadline: deadline) { result in
            switch result {
            case .success(let rows):
                for (text, row) in zip(texts, rows) {
                    let best = row.indices.max { row[$0] < row[$1] } ?? 0
                    self.metrics.observe(
                        generation, text, label: generation.predictor.labels[best], score: row[best])
                    self.journal.prediction(text, row, best, generation, identity)
                }
                finish(.success(rows))
            case .failure(let error):
                // What went wrong inside is for the log, not for the client.
                self.journal.failure(error, identity)
                finish(.failure(ServiceFailure(500, "the model failed; see the server's log for \(identity.id)")))
            }
        }
        if !queue.submit(job) { finish(.failure(ServiceFailure(503, "too many requests wait", retryAfter: 1))) }
    }
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
