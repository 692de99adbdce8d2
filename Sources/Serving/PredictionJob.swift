import Base
import Synchronization

/// Texts of one request, on their way to a model. It is finished once, by whoever is first: the answer, or the deadline.
final class PredictionJob: Sendable {
    let texts: [String]
    /// After this moment nobody waits for the answer any more; nanoseconds of `MonotonicTime`.
    let deadline: UInt64
    private let isDone = Atomic<Bool>(false)
    private let attemptCount = Atomic<Int>(0)
    private let answer: @Sendable (Result<[[Double]], any Error>) -> Void

    init(
        texts: [String], deadline: UInt64, _ answer: @escaping @Sendable (Result<[[Double]], any Error>) -> Void
    ) {
        self.texts = texts
        self.deadline = deadline
        self.answer = answer
    }

    /// How often a replica died with it.
    var attempts: Int { attemptCount.load(ordering: .relaxed) }
    var isFinished: Bool { isDone.load(ordering: .relaxed) }

    func finish(_ result: Result<[[Double]], any Error>) {
        if !isDone.exchange(true, ordering: .acquiringAndReleasing) { answer(result) }
    }

    func addAttempt() { attemptCount.add(1, ordering: .relaxed) }
}
