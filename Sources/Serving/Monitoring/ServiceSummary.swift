import Base

/// What a server did between two moments, and how far it is from what its model was trained on.
public struct ServiceSummary: Sendable {
    /// A distribution against that of training.
    public struct Shift: Sendable {
        /// Population stability index.
        public var stability: Double
        /// Bits, 0 to 1.
        public var jensenShannon: Double

        init(_ now: [Double], _ reference: [Double]) {
            stability = Drift.stability(now, reference)
            jensenShannon = Drift.jensenShannon(now, reference)
        }

        var json: JSON { ["psi": JSON(stability), "jensen_shannon": JSON(jensenShannon)] }
    }

    /// One version of the model.
    public struct Generation: Sendable {
        public var version: String
        public var isCurrent: Bool
        public var predictions: Int
        /// In the order of the labels' names: the share now, and in training when that is known.
        public var classes: [(label: String, share: Double, reference: Double?)]
        /// `classes`, `scores`, `characters`, `unknown_words`; those that have something to be compared with.
        public var drift: [(name: String, shift: Shift)]
        public var unknownWords: Double?

        /// The largest stability index.
        public var worst: Double? { drift.map(\.shift.stability).max() }
    }

    public var url: String
    public var time: Timestamp
    /// Seconds the rates and latencies are of; nil when the server does not say since when it counts.
    public var seconds: Double?
    public var model: String
    public var version: String
    public var number: Int
    public var replicas: Int?
    public var requests: Int
    public var perSecond: Double?
    /// Shares of the requests: 5xx, and 4xx.
    public var failed: Double
    public var refused: Double
    public var codes: [(code: String, count: Int)]
    /// Seconds below which half, 95 and 99 of 100 requests were answered.
    public var latency: (p50: Double?, p95: Double?, p99: Double?)
    public var inFlight: Int
    public var queue: Int
    public var meanBatch: Double?
    public var logErrors: Int
    public var generations: [Generation]

    /// - Parameters:
    ///   - earlier: where rates and latencies begin; nil for the start of the server.
    ///   - driftSince: where distributions begin; nil for the start of the server.
    public init(_ url: String, _ sample: ServiceSample, since earlier: ServiceSample?, driftSince: ServiceSample?) {
        self.url = url
        time = Timestamp(seconds: Int64(sample.time))
        let begin = earlier?.time ?? sample.start
        let seconds = begin.map { max(0.001, sample.time - $0) }
        self.seconds = seconds
        model = sample.model ?? ""
        version = sample.current ?? ""
        number = Int(sample.generation)
        replicas = sample.replicas.map { Int($0) }
        let codes = sample.codes.map { (code: $0, count: Int($1 - (earlier?.codes[$0] ?? 0))) }.filter { $0.count > 0 }
            .sorted { $0.code < $1.code }
        self.codes = codes
        let all = codes.reduce(0) { $0 + $1.count }
        requests = all
        perSecond = seconds.map { Double(all) / $0 }
        func share(_ digit: Character) -> Double {
            all > 0 ? Double(codes.reduce(0) { $1.code.first == digit ? $0 + $1.count : $0 }) / Double(all) : 0
        }
        failed = share("5")
        refused = share("4")
        let durations = earlier.map { sample.durations - $0.durations } ?? sample.durations
        latency = (durations.quantile(0.5), durations.quantile(0.95), durations.quantile(0.99))
        inFlight = Int(sample.inFlight)
        queue = Int(sample.queue)
        let batches = sample.batches - (earlier?.batches ?? 0)
        meanBatch = batches > 0 ? (sample.batchedTexts - (earlier?.batchedTexts ?? 0)) / batches : nil
        logErrors = Int(sample.logErrors)
        generations = sample.versions.map { name, version in
            Generation(name, version, since: driftSince?.versions[name], isCurrent: name == sample.current)
        }.sorted { ($0.isCurrent ? 0 : 1, $0.version) < ($1.isCurrent ? 0 : 1, $1.version) }
    }

    public var json: JSON {
        func number(_ value: Double?) -> JSON { value.map { JSON($0) } ?? .null }
        return [
            "version": 1, "url": .string(url), "time": .string(time.description), "seconds": number(seconds),
            "model": .string(model), "model_version": .string(version), "generation": JSON(self.number),
            "replicas": replicas.map { JSON($0) } ?? .null,
            "requests": [
                "count": JSON(requests), "per_second": number(perSecond), "failed": JSON(failed),
                "refused": JSON(refused), "in_flight": JSON(inFlight), "queue": JSON(queue),
                "codes": .object(JSONObject(codes.map { ($0.code, JSON($0.count)) })),
            ],
            "latency": [
                "p50": number(latency.p50), "p95": number(latency.p95), "p99": number(latency.p99),
            ], "mean_batch": number(meanBatch), "log_errors": JSON(logErrors),
            "generations": .array(generations.map(\.json)),
        ]
    }
}

extension ServiceSummary.Generation {
    init(_ name: String, _ now: ServiceSample.Version, since: ServiceSample.Version?, isCurrent: Bool) {
        version = name
        self.isCurrent = isCurrent
        let reference = now.referenceClasses
        let labels = Set(now.classes.keys).union(reference.keys).sorted()
        let counts = labels.map { max(0, (now.classes[$0] ?? 0) - (since?.classes[$0] ?? 0)) }
        let all = counts.reduce(0, +)
        predictions = Int(all)
        let shares = Drift.shares(counts)
        classes = zip(labels, shares).map { ($0, $1, reference.isEmpty ? nil : reference[$0] ?? 0) }
        var drift: [(name: String, shift: ServiceSummary.Shift)] = []
        let words = now.words - (since?.words ?? 0)
        unknownWords = words > 0 ? (now.unknownWords - (since?.unknownWords ?? 0)) / words : nil
        if all > 0 {
            if !reference.isEmpty {
                drift.append(("classes", ServiceSummary.Shift(shares, labels.map { reference[$0] ?? 0 })))
            }
            for (name, buckets, before, bounds, expected) in [
                ("scores", now.scores, since?.scores, ReferenceDistribution.scoreBounds, now.referenceScores),
                ("characters", now.lengths, since?.lengths, ReferenceDistribution.lengthBounds, now.referenceLengths),
            ] where !expected.isEmpty {
                let bins = (before.map { buckets - $0 } ?? buckets).bins(bounds)
                let padded = expected + Array(repeating: 0, count: max(0, bins.count - expected.count))
                drift.append((name, ServiceSummary.Shift(Drift.shares(bins), padded)))
            }
            if let share = unknownWords, let expected = now.referenceUnknownWords {
                drift.append(("unknown_words", ServiceSummary.Shift([share, 1 - share], [expected, 1 - expected])))
            }
        }
        self.drift = drift
    }

    var json: JSON {
        [
            "model_version": .string(version), "current": .bool(isCurrent), "predictions": JSON(predictions),
            "classes": .object(
                JSONObject(
                    classes.map { label, share, reference in
                        (label, ["share": JSON(share), "training": reference.map { JSON($0) } ?? .null])
                    })), "unknown_words": unknownWords.map { JSON($0) } ?? .null,
            "drift": .object(JSONObject(drift.map { ($0.name, $0.shift.json) })),
        ]
    }
}
