import Base
import Glibc

/// The texts that wait for one generation. Whatever waits when a worker is free goes into one batch. No timer: a text never
/// waits for others to come.
public final class PredictionQueue: @unchecked Sendable {
    /// What the queue looks like from outside.
    public struct State: Sendable {
        /// Requests that wait.
        public var waiting: Int
        /// Requests that workers are at.
        public var running: Int
        /// Seconds each batch has been running.
        var ages: [Double]
    }

    /// How often a request is given to another replica when one dies with it.
    static let attempts = 3

    private let limit: Int
    private let largestBatch: Int
    private let metrics: ServiceMetrics
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let filled: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [PredictionJob] = []
    private var head = 0
    private var running: [Int: (start: UInt64, batch: [PredictionJob])] = [:]
    private var leaving: Set<Int> = []
    private var isClosed = false
    private var wake: (@Sendable () -> Void)?
    /// Answers on the thread that brings a request, where that takes no longer than handing it over.
    private var quick: (@Sendable ([String]) throws -> [[Double]])?
    private var quickWorkers = 0
    private var lastQuick = -1
    /// Seconds the model takes for a byte, averaged over the last batches.
    private var secondsPerByte = Double.infinity
    /// What is expected to take longer than this many seconds goes to a worker.
    private static let quickLimit = 2e-4

    /// - Parameters:
    ///   - limit: most requests that wait; more are refused.
    ///   - largestBatch: most texts of a batch, unless one request has more.
    public init(limit: Int, largestBatch: Int = 64, metrics: ServiceMetrics) {
        self.limit = limit
        self.largestBatch = largestBatch
        self.metrics = metrics
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        filled = .allocate(capacity: 1)
        filled.initialize(to: pthread_cond_t())
        pthread_cond_init(filled, nil)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_mutex_destroy(mutex)
        filled.deallocate()
        mutex.deallocate()
    }

    public var state: State {
        locked {
            let now = MonotonicTime.nanoseconds()
            return State(
                waiting: jobs.count - head, running: running.values.reduce(0) { $0 + $1.batch.count },
                ages: running.values.map { Double(now - min(now, $0.start)) / 1e9 })
        }
    }

    /// Is called when a request comes and `isAsleep` said that nobody is there to take it.
    func onArrival(_ wake: (@Sendable () -> Void)?) { locked { self.wake = wake } }

    /// Lets requests be answered on the thread that brings them, while nothing waits and the model is quick: going to another
    /// thread and back takes longer than a small model does.
    ///
    /// - Parameter workers: how many at once, those of the workers included.
    func answerQuickly(workers: Int, _ predict: @escaping @Sendable ([String]) throws -> [[Double]]) {
        locked {
            quick = predict
            quickWorkers = workers
        }
    }

    /// - Returns: false when the queue is full.
    func submit(_ job: PredictionJob) -> Bool {
        pthread_mutex_lock(mutex)
        if let quick, head == jobs.count, !isClosed, running.count < quickWorkers,
            secondsPerByte * Double(PredictionQueue.bytes(job.texts)) < PredictionQueue.quickLimit
        {
            lastQuick = lastQuick == .min ? -1 : lastQuick - 1
            let worker = lastQuick
            running[worker] = (MonotonicTime.nanoseconds(), [job])
            pthread_mutex_unlock(mutex)
            run([job], worker: worker, quick)
            return true
        }
        if isClosed || jobs.count - head >= limit {
            pthread_mutex_unlock(mutex)
            return false
        }
        jobs.append(job)
        let wake = wake
        pthread_cond_signal(filled)
        pthread_mutex_unlock(mutex)
        wake?()
        return true
    }

    /// Waits for work, the jobs that stand first.
    ///
    /// - Parameter seconds: after this long an empty batch comes back, so that a worker can look after itself.
    /// - Returns: nil when the worker shall end.
    func take(_ worker: Int, within seconds: Double? = nil) -> [PredictionJob]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while head == jobs.count {
            if isClosed || leaving.remove(worker) != nil { return nil }
            guard let seconds else {
                pthread_cond_wait(filled, mutex)
                continue
            }
            var end = timespec()
            clock_gettime(CLOCK_REALTIME, &end)
            let nanoseconds = end.tv_nsec + Int(seconds * 1e9)
            end.tv_sec += nanoseconds / 1_000_000_000
            end.tv_nsec = nanoseconds % 1_000_000_000
            if pthread_cond_timedwait(filled, mutex, &end) != 0, head == jobs.count, !isClosed,
                !leaving.contains(worker)
            {
                return []
            }
        }
        if leaving.remove(worker) != nil {
            pthread_cond_signal(filled)
            return nil
        }
        var batch: [PredictionJob] = []
        var texts = 0
        // What a replica died with goes alone: if it is to blame, nobody else suffers again.
        while head < jobs.count, batch.isEmpty || texts + jobs[head].texts.count <= largestBatch,
            batch.isEmpty || jobs[head].attempts == 0
        {
            let job = jobs[head]
            head += 1
            if job.isFinished { continue }
            texts += job.texts.count
            batch.append(job)
            if job.attempts > 0 { break }
        }
        if head == jobs.count || head > 1024 {
            jobs.removeFirst(head)
            head = 0
        }
        if !batch.isEmpty { running[worker] = (MonotonicTime.nanoseconds(), batch) }
        return batch
    }

    /// Answers a batch.
    func run(_ batch: [PredictionJob], worker: Int, _ predict: ([String]) throws -> [[Double]]) {
        if batch.isEmpty { return finished(worker) }
        let texts = batch.count == 1 ? batch[0].texts : batch.flatMap(\.texts)
        metrics.observe(batch: texts.count)
        let start = MonotonicTime.nanoseconds()
        let result = Result { try predict(texts) }
        let taken = Double(MonotonicTime.nanoseconds() - start) / 1e9 / Double(PredictionQueue.bytes(texts))
        switch result {
        case .success(let rows):
            // First: whoever is answered may look at the queue.
            locked {
                running.removeValue(forKey: worker)
                secondsPerByte = secondsPerByte.isFinite ? 0.9 * secondsPerByte + 0.1 * taken : taken
            }
            var start = 0
            for job in batch {
                job.finish(.success(batch.count == 1 ? rows : Array(rows[start..<start + job.texts.count])))
                start += job.texts.count
            }
        case .failure(let error):
            // One bad text is not the fault of those it was with.
            for job in batch {
                job.finish(batch.count == 1 ? .failure(error) : Result { try predict(job.texts) })
            }
            finished(worker)
        }
    }

    /// Bytes of texts, with some for each.
    private static func bytes(_ texts: [String]) -> Int { texts.reduce(0) { $0 + $1.utf8.count + 16 } }

    func observe(batch: Int) { metrics.observe(batch: batch) }

    func finished(_ worker: Int) { locked { _ = running.removeValue(forKey: worker) } }

    /// Puts a batch whose replica died back to the front; what was tried too often is given up.
    func giveBack(_ batch: [PredictionJob], worker: Int) {
        var again: [PredictionJob] = []
        for job in batch where !job.isFinished {
            job.addAttempt()
            if job.attempts >= PredictionQueue.attempts {
                job.finish(.failure(MLError(.failed, "the model's process ended with it \(job.attempts) times")))
            } else {
                again.append(job)
            }
        }
        if !again.isEmpty { metrics.observeRetries(again.count) }
        locked {
            running.removeValue(forKey: worker)
            jobs.replaceSubrange(0..<head, with: again)
            head = 0
            pthread_cond_broadcast(filled)
        }
    }

    /// Ends what nobody waits for any more.
    func expire() {
        let now = MonotonicTime.nanoseconds()
        let late = locked {
            let waiting = jobs[head...].prefix { $0.deadline <= now }
            return Array(waiting) + running.values.flatMap { $0.batch.filter { $0.deadline <= now } }
        }
        for job in late { job.finish(.failure(ServiceFailure(504, "the model took too long"))) }
    }

    /// Tells one worker to end after its batch.
    func dismiss(_ worker: Int) {
        locked {
            leaving.insert(worker)
            pthread_cond_broadcast(filled)
        }
    }

    /// From now on nothing is taken in, and workers end when nothing waits.
    func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(filled)
        }
    }

    private func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
