import Base
import Dispatch

/// Runs `body` for each index on threads of their own, for work that mostly waits: `parallelMap` has no more threads than
/// there are processors.
///
/// - Parameters:
///   - workers: how many at once.
///   - body: says whether to go on with indices nobody has begun.
func forEachWaiting(count: Int, workers: Int, _ body: @escaping @Sendable (Int) -> Bool) {
    let cursor = Cursor(limit: count)
    let group = DispatchGroup()
    for number in 0..<min(workers, count) {
        // A serial queue has a thread to itself while it works.
        DispatchQueue(label: "git-ml transfer \(number)").async(group: group) {
            while let index = cursor.take() {
                if !body(index) { cursor.stop() }
            }
        }
    }
    group.wait()
}

private final class Cursor: @unchecked Sendable {
    private let mutex = Mutex()
    private var next = 0
    private var limit: Int

    init(limit: Int) { self.limit = limit }

    func take() -> Int? {
        mutex.withLock {
            guard next < limit else { return nil }
            defer { next += 1 }
            return next
        }
    }

    func stop() { mutex.withLock { limit = next } }
}
