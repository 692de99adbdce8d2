import Base

/// What a service counts, in Prometheus' text format 0.0.4.
public final class ServiceMetrics: @unchecked Sendable {
    private struct Histogram {
        let bounds: [Double]
        var counts: [Int]
        var sum = 0.0
        var count = 0

        init(_ bounds: [Double]) {
            self.bounds = bounds
            counts = Array(repeating: 0, count: bounds.count)
        }

        mutating func add(_ value: Double) {
            sum += value
            count += 1
            if let bucket = bounds.firstIndex(where: { value <= $0 }) { counts[bucket] += 1 }
        }
    }

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
        var lengths = Histogram(ReferenceDistribution.lengthBounds)
        var words = 0
        var unknownWords = 0
        var hasVocabulary = false
        var reference: ReferenceDistribution?
    }

    private let mutex = Mutex()
    private var requests: [Route: Int] = [:]
    private var durations: [String: Histogram] = [:]
    private var batches = Histogram(sizes)
    private var classes: [Class: Int] = [:]
    private var scores: [String: Histogram] = [:]
    private var texts: [String: Texts] = [:]
    private var inFlight = 0
    private var logErrors = 0
    private var switches = 0
    private var failedSwitches = 0

    public init() {}

    func begin() { mutex.withLock { inFlight += 1 } }

    func end(_ endpoint: String, code: Int, seconds: Double) {
        mutex.withLock {
            inFlight -= 1
            requests[Route(endpoint: endpoint, code: code), default: 0] += 1
            durations[endpoint, default: Histogram(ServiceMetrics.seconds)].add(seconds)
        }
    }

    func observe(batch: Int) { mutex.withLock { batches.add(Double(batch)) } }

    func observe(_ generation: Generation, _ text: String, label: String, score: Double) {
        let length = text.unicodeScalars.count
        let words = (generation.predictor as? any VocabularyPredictor)?.words(in: text)
        mutex.withLock {
            classes[Class(version: generation.version, label: label), default: 0] += 1
            scores[generation.version, default: Histogram(ReferenceDistribution.scoreBounds)].add(score)
            texts[generation.version, default: Texts(reference: generation.reference)].lengths.add(Double(length))
            if let words {
                texts[generation.version]?.hasVocabulary = true
                texts[generation.version]?.words += words.all
                texts[generation.version]?.unknownWords += words.unknown
            }
        }
    }

    func logFailed() { mutex.withLock { logErrors += 1 } }

    /// - Parameter hasFailed: the generation did not get traffic.
    public func observeSwitch(hasFailed: Bool) {
        mutex.withLock { if hasFailed { failedSwitches += 1 } else { switches += 1 } }
    }

    /// The page that Prometheus reads.
    func page(_ generation: Generation, waiting: Int) -> String {
        mutex.withLock {
            var page = Page()
            page.begin("gitml_requests_total", "counter", "Requests answered, by endpoint and status.")
            for (route, count) in requests.sorted(by: {
                ($0.key.endpoint, $0.key.code) < ($1.key.endpoint, $1.key.code)
            }) {
                page.line(
                    "gitml_requests_total", [("endpoint", route.endpoint), ("code", String(route.code))], Double(count))
            }
            page.begin("gitml_request_duration_seconds", "histogram", "Time from a request's last byte to its answer.")
            for (endpoint, histogram) in durations.sorted(by: { $0.key < $1.key }) {
                page.histogram("gitml_request_duration_seconds", [("endpoint", endpoint)], histogram)
            }
            page.begin("gitml_requests_in_flight", "gauge", "Requests that wait for their answer.")
            page.line("gitml_requests_in_flight", [], Double(inFlight))
            page.begin("gitml_queue_length", "gauge", "Requests that wait for the model.")
            page.line("gitml_queue_length", [], Double(waiting))
            page.begin("gitml_batch_size", "histogram", "Texts the model was given at once.")
            page.histogram("gitml_batch_size", [], batches)
            page.begin("gitml_predictions_total", "counter", "Texts by predicted class and the model's commit.")
            for (key, count) in classes.sorted(by: { ($0.key.version, $0.key.label) < ($1.key.version, $1.key.label) })
            {
                page.line(
                    "gitml_predictions_total", [("version", key.version), ("class", key.label)], Double(count))
            }
            page.begin("gitml_prediction_score", "histogram", "The predicted class's probability.")
            for (version, histogram) in scores.sorted(by: { $0.key < $1.key }) {
                page.histogram("gitml_prediction_score", [("version", version)], histogram)
            }
            texts(&page, generation)
            page.begin("gitml_generation_info", "gauge", "The commit that answers now.")
            page.line("gitml_generation_info", [("version", generation.version), ("model", generation.model)], 1)
            page.begin("gitml_generation_number", "gauge", "How many generations were put in place.")
            page.line("gitml_generation_number", [], Double(generation.number))
            page.begin("gitml_switches_total", "counter", "Switches to another commit, by outcome.")
            page.line("gitml_switches_total", [("outcome", "done")], Double(switches))
            page.line("gitml_switches_total", [("outcome", "refused")], Double(failedSwitches))
            page.begin("gitml_log_errors_total", "counter", "Log lines that could not be written.")
            page.line("gitml_log_errors_total", [], Double(logErrors))
            return page.text
        }
    }

    /// What was asked, and what was asked of the model when it was trained.
    private func texts(_ page: inout Page, _ generation: Generation) {
        var known = texts
        known[generation.version, default: Texts()].reference = generation.reference
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
            zip(ReferenceDistribution.scoreBounds, $0.scores).map { ([("up_to", Page.spell($0))], $1) }
        }
        gauge("gitml_reference_characters_share", "The share of texts of a length, on the data of training.") {
            zip(ReferenceDistribution.lengthBounds + [.infinity], $0.lengths).map { ([("up_to", Page.spell($0))], $1) }
        }
        gauge("gitml_reference_unknown_words_share", "The share of unknown words, on the data of training.") {
            $0.unknownWords.map { [([], $0)] } ?? []
        }
    }

    private struct Page {
        var text = ""

        mutating func begin(_ name: String, _ type: String, _ help: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        }

        mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
            text += name
            if !labels.isEmpty {
                text += "{" + labels.map { "\($0)=\"\(Page.escaped($1))\"" }.joined(separator: ",") + "}"
            }
            text += " " + Page.spell(value) + "\n"
        }

        mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: Histogram) {
            var sum = 0
            for (bound, count) in zip(histogram.bounds, histogram.counts) {
                sum += count
                line(name + "_bucket", labels + [("le", Page.spell(bound))], Double(sum))
            }
            line(name + "_bucket", labels + [("le", "+Inf")], Double(histogram.count))
            line(name + "_sum", labels, histogram.sum)
            line(name + "_count", labels, Double(histogram.count))
        }

        static func spell(_ value: Double) -> String {
            if value == .infinity { return "+Inf" }
            return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        }

        private static func escaped(_ text: String) -> String {
            var out = ""
            for character in text.unicodeScalars {
                switch character {
                case "\\": out += "\\\\"
                case "\"": out += "\\\""
                case "\n": out += "\\n"
                default: out.unicodeScalars.append(character)
                }
            }
            return out
        }
    }
}
