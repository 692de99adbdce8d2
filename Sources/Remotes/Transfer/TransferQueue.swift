import Base
import Dispatch

/// Runs transfers on threads of their own, a few at a time; whoever adds one waits while all are busy, so that what is on
/// its way stays bounded.
final class TransferQueue: @unchecked Sendable {
    private let slots: DispatchSemaphore
    private let group = DispatchGroup()
    private let mutex = Mutex()
    private var idle: [DispatchQueue]
    private var failure: (any Error)?

    /// - Parameter workers: how many at once.
    init(workers: Int) {
        slots = DispatchSemaphore(value: max(1, workers))
        idle = (0..<max(1, workers)).map { DispatchQueue(label: "git-ml transfer \($0)") }
    }

    /// Starts a transfer as soon as a worker is free.
    ///
    /// - Throws: what made an earlier one fail; then this one is not started.
    func add(_ job: @escaping @Sendable () throws -> Void) throws {
        slots.wait()
        let worker = mutex.withLock { failure == nil ? idle.popLast() : nil }
        guard let worker else {
            slots.signal()
            return try finish()
        }
        worker.async(group: group) { [self] in
            var thrown: (any Error)?
            do { try job() } catch { thrown = error }
            mutex.withLock {
                failure = failure ?? thrown
                idle.append(worker)
            }
            slots.signal()
        }
    }

    /// Waits for all of them.
    ///
    /// - Throws: the first error.
    func finish() throws {
        group.wait()
        if let failure = mutex.withLock({ failure }) { throw failure }
    }
}
