import Base
import Dispatch
import Glibc

/// Hands texts to models on threads of its own: whatever waits when a thread is free goes into one batch. No timer: a text
/// never waits for others to come.
public final class PredictionQueue: @unchecked Sendable {
    /// Texts of one request.
    struct Job {
        var texts: [String]
        var generation: Generation
        /// After this moment nobody waits for the answer any more.
        var deadline: UInt64
        var finish: @Sendable (Result<[[Double]], any Error>) -> Void
    }

    /// What the queue looks like from outside.
    public struct State: Sendable {
        public var waiting: Int
        /// Seconds the longest batch has been running.
        public var longest: Double
    }

    private let limit: Int
    private let largestBatch: Int
    private let metrics: ServiceMetrics
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let filled: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [Job] = []
    private var head = 0
    private var started: [UInt64?]

    /// - Parameters:
    ///   - limit: most requests that wait; more are refused.
    ///   - workers: threads, each with one batch at a time.
    ///   - largestBatch: most texts of a batch, unless one request has more.
    public init(limit: Int, workers: Int, largestBatch: Int = 64, metrics: ServiceMetrics) {
        self.limit = limit
        self.largestBatch = largestBatch
        self.metrics = metrics
        started = Array(repeating: nil, count: workers)
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        filled = .allocate(capacity: 1)
        filled.initialize(to: pthread_cond_t())
        pthread_cond_init(filled, nil)
        // The threads live as long as the process that serves.
        for worker in 0..<workers {
            let queue = DispatchQueue(label: "predict-\(worker)")
            queue.async { self.work(worker) }
        }
    }

    public var state: State {
        locked {
            let now = DispatchTime.now().uptimeNanoseconds
            let longest = started.compactMap { $0 }.map { Double(now - min(now, $0)) / 1e9 }.max() ?? 0
            return State(waiting: jobs.count - head, longest: longest)
        }
    }

    /// - Returns: false when the queue is full.
    func submit(_ job: Job) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if jobs.count - head >= limit { return false }
        jobs.append(job)
        pthread_cond_signal(filled)
        return true
    }

    private func work(_ worker: Int) {
        while true {
            let batch = take(worker)
            run(batch)
            locked { started[worker] = nil }
        }
    }

    /// Waits for work: the jobs of one generation that stand first.
    private func take(_ worker: Int) -> [Job] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while head == jobs.count { pthread_cond_wait(filled, mutex) }
        var batch: [Job] = []
        var texts = 0
        while head < jobs.count, batch.isEmpty || texts + jobs[head].texts.count <= largestBatch,
            batch.first.map({ $0.generation.number == jobs[head].generation.number }) ?? true
        {
            texts += jobs[head].texts.count
            batch.append(jobs[head])
            head += 1
        }
        if head == jobs.count || head > 1024 {
            jobs.removeFirst(head)
            head = 0
        }
        started[worker] = DispatchTime.now().uptimeNanoseconds
        return batch
    }

    private func run(_ batch: [Job]) {
        let now = DispatchTime.now().uptimeNanoseconds
        let (alive, late) = (batch.filter { $0.deadline > now }, batch.filter { $0.deadline <= now })
        for job in late { job.finish(.failure(MLError(.failed, "the request waited too long"))) }
        guard let generation = alive.first?.generation else { return }
        let texts = alive.flatMap(\.texts)
        metrics.observe(batch: texts.count)
        switch Result(catching: { try generation.predictor.predict(texts) }) {
        case .success(let rows):
            var start = 0
            for job in alive {
                job.finish(.success(Array(rows[start..<start + job.texts.count])))
                start += job.texts.count
            }
        case .failure(let error):
            // One bad text is not the fault of those it was with.
            for job in alive {
                job.finish(alive.count == 1 ? .failure(error) : Result { try generation.predictor.predict(job.texts) })
            }
        }
    }

    private func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
