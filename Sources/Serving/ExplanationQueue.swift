import Base
import Dispatch
import Synchronization

/// Explains predictions one after the other, beside the threads that predict: an explanation is hundreds of predictions.
final class ExplanationQueue: Sendable {
    /// Most requests that wait for an explanation.
    private static let limit = 32

    private let explain: ModelService.Explain
    private let queue = DispatchQueue(label: "explain")
    private let waiting = Atomic<Int>(0)

    init(_ explain: @escaping ModelService.Explain) { self.explain = explain }

    func explain(
        _ texts: [String], _ generation: Generation, _ finish: @escaping @Sendable (Result<[JSON], any Error>) -> Void
    ) {
        guard waiting.add(1, ordering: .relaxed).newValue <= ExplanationQueue.limit else {
            waiting.subtract(1, ordering: .relaxed)
            return finish(.failure(ServiceFailure(503, "too many explanations wait", retryAfter: 1)))
        }
        queue.async { [self] in
            let found = Result { try texts.map { try explain(generation, $0) } }
            waiting.subtract(1, ordering: .relaxed)
            finish(found)
        }
    }
}

/// Asks a generation as a request would, wherever its model is, and waits.
public struct QueuedPredictor: Predictor {
    private let generation: Generation
    private let seconds: Double

    /// - Parameter seconds: how long an answer may take.
    public init(_ generation: Generation, within seconds: Double = 60) {
        self.generation = generation
        self.seconds = seconds
    }

    public var labels: [String] { generation.labels }

    public func predict(_ texts: [String]) throws -> [[Double]] {
        final class Slot: @unchecked Sendable { var result: Result<[[Double]], any Error>? }
        let (slot, done) = (Slot(), DispatchSemaphore(value: 0))
        var rows: [[Double]] = []
        // In batches like those of requests, so that requests get between them.
        for start in stride(from: 0, to: texts.count, by: 64) {
            let part = Array(texts[start..<min(texts.count, start + 64)])
            let job = PredictionJob(texts: part, deadline: MonotonicTime.nanoseconds() + UInt64(seconds * 1e9)) {
                slot.result = $0
                done.signal()
            }
            guard generation.queue.submit(job) else {
                throw ServiceFailure(503, "too many requests wait", retryAfter: 1)
            }
            done.wait()
            rows += try slot.result?.get() ?? []
        }
        return rows
    }
}
