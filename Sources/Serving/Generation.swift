import Base
import Glibc

/// One version of a model that is served. What belongs to a request is answered by one generation, whole.
public final class Generation: Sendable {
    /// Counts from 1 as generations come.
    public let number: Int
    /// The commit's full id; `worktree` for a model that is in no commit.
    public let version: String
    /// What the model is called in addresses: the last part of its path.
    public let model: String
    /// The classes, in the order of the probabilities.
    public let labels: [String]
    /// Where its texts wait.
    public let queue: PredictionQueue
    /// What answers them.
    public let engine: any PredictionEngine
    /// What its predictions are compared with; nil when nobody knows.
    public let reference: ReferenceDistribution?
    /// Tells known words from others; nil when it keeps no list of words, or its replicas count.
    let vocabulary: (any VocabularyPredictor)?
    public let statistics = GenerationStatistics()

    /// A model somewhere else.
    public init(
        number: Int, version: String, model: String, labels: [String], queue: PredictionQueue,
        engine: any PredictionEngine, reference: ReferenceDistribution? = nil,
        vocabulary: (any VocabularyPredictor)? = nil
    ) {
        self.number = number
        self.version = version
        self.model = model
        self.labels = labels
        self.queue = queue
        self.engine = engine
        self.reference = reference
        self.vocabulary = vocabulary
    }

    /// A model of this process, answered by threads of it.
    ///
    /// - Parameters:
    ///   - threads: how many batches at once.
    ///   - isQuick: whether it may be asked on the threads of connections, while it is quick. Not for one that can hang.
    public convenience init(
        number: Int, version: String, model: String, predictor: any Predictor, queue: PredictionQueue, threads: Int,
        isQuick: Bool = false, reference: ReferenceDistribution? = nil
    ) {
        self.init(
            number: number, version: version, model: model, labels: predictor.labels, queue: queue,
            engine: LocalEngine(predictor, queue, threads: threads, isQuick: isQuick), reference: reference,
            vocabulary: predictor as? any VocabularyPredictor)
    }

    /// Whether `version` names this generation: the whole id, or at least four digits of its beginning.
    public func answers(to version: String) -> Bool {
        version == self.version || (version.utf8.count >= 4 && self.version.hasPrefix(version))
    }

    /// Waits until no request is at it any more, then ends what answers it. It must be out of the traffic before.
    ///
    /// - Parameter seconds: after this long it ends anyway.
    public func retire(within seconds: Double) {
        startThread { [self] in
            let end = MonotonicTime.now() + seconds
            while statistics.requestsUnderWay > 0, MonotonicTime.now() < end { usleep(10_000) }
            queue.close()
            engine.stop()
        }
    }
}

/// What takes texts out of a generation's queue and answers them.
public protocol PredictionEngine: Sendable {
    /// The processes that answer; empty when this one does.
    var replicas: ReplicaState { get }
    /// How many batches it can be at.
    var workers: Int { get }
    /// Has so many replicas from now on, sooner or later; nothing where there are none.
    func resize(to count: Int)
    /// Ends. The queue is closed before.
    func stop()
}

/// The replicas of a generation, seen from outside.
public struct ReplicaState: Sendable {
    /// How many there should be; nil when this process answers itself.
    public var wanted: Int?
    /// The process ids of those that are ready.
    public var processes: [Int32] = []
    /// How often one ended that should not have.
    public var restarts = 0
    /// Whether one after the other ends before it has answered anything.
    public var isFailing = false

    public init() {}
}

/// Answers with threads of this process.
public final class LocalEngine: PredictionEngine {
    public let workers: Int

    public init(_ predictor: any Predictor, _ queue: PredictionQueue, threads: Int, isQuick: Bool) {
        workers = max(1, threads)
        if isQuick { queue.answerQuickly(workers: workers) { try predictor.predict($0) } }
        for worker in 0..<workers {
            startThread {
                while let batch = queue.take(worker) {
                    queue.run(batch, worker: worker) { try predictor.predict($0) }
                }
            }
        }
    }

    public var replicas: ReplicaState { ReplicaState() }
    public func resize(to count: Int) {}
    public func stop() {}
}
