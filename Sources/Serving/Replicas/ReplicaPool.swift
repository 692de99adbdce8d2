import Base
import CPlatform
import Glibc

/// Answers with processes, each with one batch at a time. One that ends is replaced, and what it was at is given to another;
/// one that takes longer than anybody waits is ended.
public final class ReplicaPool: PredictionEngine, @unchecked Sendable {
    /// How fast replicas that end are replaced: at once, then after twice the time of the time before.
    public struct Backoff: Sendable {
        var first = 0.1
        var most = 10.0
        /// A replica that lived so long is not blamed for what the ones before it did.
        var forgiveness = 10.0

        /// Seconds to wait after so many ends in a row.
        func delay(after failures: Int) -> Double {
            failures <= 1 ? 0 : min(most, first * pow(2, Double(min(failures, 30) - 2)))
        }
    }

    /// What the first replica said of itself.
    public typealias Hello = (model: String, labels: [String], reference: JSON?)

    /// Ends in a row, of all replicas together, before any answer, that make a generation a failing one.
    private static let failingAfter = 5
    /// Seconds a model may take to be opened and to pass its check.
    private static let startSeconds: UInt64 = 600

    private final class Slot: @unchecked Sendable {
        let number: Int
        var process: Int32?
        var isLeaving = false
        init(number: Int) { self.number = number }
    }

    private let launch: @Sendable () throws -> HelperProcess
    private let queue: PredictionQueue
    private let version: String
    private let metrics: ServiceMetrics
    private let complain: @Sendable (String) -> Void
    private let backoff = Backoff()
    private let mutex = Mutex()
    private let hostMutex = Mutex()
    private var host: HelperProcess?
    private var slots: [Slot] = []
    private var nextNumber = 0
    private var restarts = 0
    private var failuresInARow = 0
    private var isStopped = false
    private var firstHello: Hello?
    private var firstFailure: String?

    /// - Parameters:
    ///   - launch: starts a process that calls `ReplicaHost.run`.
    ///   - complain: is told when a replica ends.
    public init(
        _ queue: PredictionQueue, version: String, metrics: ServiceMetrics,
        complain: @escaping @Sendable (String) -> Void,
        launch: @escaping @Sendable () throws -> HelperProcess
    ) {
        self.queue = queue
        self.version = version
        self.metrics = metrics
        self.complain = complain
        self.launch = launch
    }

    /// Starts replicas and waits until all of them can answer.
    ///
    /// - Returns: what the model is called, and its classes.
    /// - Throws: `MLError(.failed)` with what the first one said that cannot; none runs then.
    public func start(_ count: Int) throws -> Hello {
        // At least one has to prove itself, also where none shall stay.
        resize(to: max(1, count))
        while true {
            let (hello, failure, ready) = mutex.withLock {
                (firstHello, firstFailure, slots.filter { $0.process != nil }.count)
            }
            if let failure {
                stop()
                queue.close()
                throw MLError(.failed, failure)
            }
            if let hello, ready >= count {
                if count == 0 { sleepWhenIdle() }
                return hello
            }
            usleep(500)
        }
    }

    public var replicas: ReplicaState {
        mutex.withLock {
            var state = ReplicaState()
            state.wanted = slots.filter { !$0.isLeaving }.count
            state.processes = slots.compactMap(\.process)
            state.restarts = restarts
            state.isFailing = failuresInARow >= ReplicaPool.failingAfter && state.processes.isEmpty
            return state
        }
    }

    public var workers: Int { mutex.withLock { slots.filter { $0.process != nil }.count } }

    public func resize(to count: Int) {
        let (new, leaving) = mutex.withLock { () -> ([Slot], [Slot]) in
            if isStopped { return ([], []) }
            let staying = slots.filter { !$0.isLeaving }
            if count < staying.count {
                let leaving = Array(staying[max(0, count)...])
                for slot in leaving { slot.isLeaving = true }
                return ([], leaving)
            }
            let new = (staying.count..<max(count, staying.count)).map { _ in
                nextNumber += 1
                return Slot(number: nextNumber)
            }
            slots += new
            return (new, [])
        }
        for slot in new { startThread { self.run(slot) } }
        for slot in leaving { queue.dismiss(slot.number) }
        if count == 0 { sleepWhenIdle() } else { queue.onArrival(nil) }
    }

    /// Without replicas the first request starts one.
    private func sleepWhenIdle() {
        queue.onArrival { [weak self] in
            guard let self, mutex.withLock({ slots.allSatisfy(\.isLeaving) }) else { return }
            resize(to: 1)
        }
        mutex.withLock { slots.filter { !$0.isLeaving } }.forEach { slot in
            slot.isLeaving = true
            queue.dismiss(slot.number)
        }
        if queue.state.waiting > 0 { resize(to: 1) }
    }

    public func stop() {
        let leaving = mutex.withLock {
            isStopped = true
            for slot in slots { slot.isLeaving = true }
            return slots
        }
        for slot in leaving { queue.dismiss(slot.number) }
        startThread { [self] in
            // The host ends last: replicas do not outlive it.
            for _ in 0..<6000 where mutex.withLock({ !slots.isEmpty }) { usleep(10_000) }
            hostMutex.withLock { host = nil }
        }
    }

    /// Keeps one replica going.
    private func run(_ slot: Slot) {
        var failures = 0
        while !mutex.withLock({ slot.isLeaving }) {
            if failures > 0 { pause(slot, backoff.delay(after: failures)) }
            guard !mutex.withLock({ slot.isLeaving }) else { break }
            do {
                let (socket, process) = try newReplica()
                let start = MonotonicTime.now()
                mutex.withLock { slot.process = process }
                let reason = serve(socket, slot, process)
                mutex.withLock { slot.process = nil }
                guard let reason else { break }
                failures = MonotonicTime.now() - start > backoff.forgiveness ? 1 : failures + 1
                observeEnd("replica \(process) \(reason)")
            } catch {
                failures += 1
                let words = (error as? MLError)?.message ?? "a replica ended before it could answer"
                mutex.withLock { if firstHello == nil { firstFailure = firstFailure ?? words } }
                observeEnd(words)
            }
        }
        mutex.withLock { slots.removeAll { $0 === slot } }
    }

    private func observeEnd(_ words: String) {
        let isHeard = mutex.withLock {
            restarts += 1
            failuresInARow += 1
            // Before the first one is ready, whoever starts them says what is wrong.
            return !isStopped && firstHello != nil
        }
        if !isHeard { return }
        metrics.observeReplicaEnd()
        complain(words)
    }

    private func pause(_ slot: Slot, _ seconds: Double) {
        let end = MonotonicTime.now() + seconds
        while MonotonicTime.now() < end, !mutex.withLock({ slot.isLeaving }) { usleep(20_000) }
    }

    /// - Returns: how the replica ended; nil when it was told to.
    private func serve(_ socket: FrameSocket, _ slot: Slot, _ process: Int32) -> String? {
        while let batch = queue.take(slot.number, within: 0.25) {
            if batch.isEmpty {
                if socket.isGone { return "ended" }
                continue
            }
            // A second more: a program that hangs is ended by its replica, which can go on.
            let last = (batch.map(\.deadline).max() ?? 0) + 1_000_000_000
            do {
                let words = try queue.run(batch, worker: slot.number, through: socket, until: last)
                if let words { metrics.observe(version, words: words.all, unknown: words.unknown) }
                if failuresInARow > 0 { mutex.withLock { failuresInARow = 0 } }
            } catch FrameSocket.Failure.late {
                queue.expire()
                queue.finished(slot.number)
                kill(-process, SIGKILL)
                kill(process, SIGKILL)
                return "did not answer in time and was ended"
            } catch {
                queue.giveBack(batch, worker: slot.number)
                return "ended with \(batch.count) request\(batch.count == 1 ? "" : "s") under way"
            }
        }
        return nil
    }

    private func newReplica() throws -> (FrameSocket, Int32) {
        let end = MonotonicTime.nanoseconds() + ReplicaPool.startSeconds * 1_000_000_000
        let (own, other) = try HelperProcess.sockets()
        let socket = FrameSocket(own)
        do {
            defer { close(other) }
            try hostMutex.withLock {
                for attempt in 0..<2 {
                    let running = try host ?? launch()
                    host = running
                    if gitml_send_descriptor(running.descriptor, other) == 0 { return }
                    host = nil
                    if attempt == 1 { throw MLError(.failed, "the process that makes replicas has ended") }
                }
            }
        }
        let hello = try JSON(parsing: socket.read(until: end))
        if let words = hello["error"]?.stringValue { throw MLError(.failed, words) }
        guard let process = hello["process"]?.intValue, let model = hello["model"]?.stringValue,
            let labels = hello["labels"]?.arrayValue?.compactMap(\.stringValue)
        else { throw MLError(.failed, "a replica answered with something else than hello") }
        try mutex.withLock {
            if let firstHello, firstHello.labels != labels {
                throw MLError(.failed, "a replica has other classes than the ones before")
            }
            firstHello = firstHello ?? (model, labels, hello["reference"])
        }
        return (socket, Int32(truncatingIfNeeded: process))
    }
}

extension PredictionQueue {
    /// Answers a batch with another process.
    ///
    /// - Throws: `FrameSocket.Failure` when that is gone or late; the batch is still to be answered then.
    /// - Returns: how many words the model met, and how many of them it did not know; nil when it keeps no list.
    func run(
        _ batch: [PredictionJob], worker: Int, through socket: FrameSocket, until end: UInt64
    ) throws -> (all: Int, unknown: Int)? {
        var gone: FrameSocket.Failure?
        var words: (all: Int, unknown: Int)?
        func ask(_ texts: [String]) throws -> [[Double]] {
            do {
                var question = FrameWriter()
                question.number(texts.count)
                for text in texts { question.text(text) }
                try socket.write(question.bytes, until: end)
                var answer = FrameReader(try socket.read(until: end))
                let isFailure = answer.bytes.first == 1
                answer.place = 1
                if isFailure { throw MLError(.failed, try answer.text()) }
                let (count, classes) = (try answer.number(), try answer.number())
                guard count == texts.count else { throw FrameSocket.Failure.ended }
                let rows = try (0..<count).map { _ in try answer.values(classes) }
                if answer.place < answer.bytes.count, answer.bytes[answer.place] == 1 {
                    answer.place += 1
                    words = ((words?.all ?? 0) + (try answer.number()), (words?.unknown ?? 0) + (try answer.number()))
                }
                return rows
            } catch let failure as FrameSocket.Failure {
                gone = failure
                throw failure
            }
        }
        let texts = batch.flatMap(\.texts)
        let rows: [[Double]]
        do { rows = try ask(texts) } catch {
            if let gone { throw gone }
            // One bad text is not the fault of those it was with.
            for job in batch {
                let result = batch.count == 1 ? .failure(error) : Result { try ask(job.texts) }
                if let gone { throw gone }
                job.finish(result)
            }
            finished(worker)
            return words
        }
        observe(batch: texts.count)
        // First: whoever is answered may look at the queue.
        finished(worker)
        var start = 0
        for job in batch {
            job.finish(.success(Array(rows[start..<start + job.texts.count])))
            start += job.texts.count
        }
        return words
    }
}
