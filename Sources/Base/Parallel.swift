import CPlatform
import Dispatch
import Glibc

/// Applies `body` to each index in parallel and returns the results in order.
///
/// Which thread does what never shows in the result. The first error (by index) is thrown after all work ended.
///
/// - Parameter workers: how many at once; defaults to the processor count.
public func parallelMap<T: Sendable>(
    count: Int, workers: Int = processorCount(), _ body: @Sendable (Int) throws -> T
) throws -> [T] {
    if count == 0 { return [] }
    if count == 1 || workers <= 1 { return try (0..<count).map(body) }
    let slots = Slots<Result<T, any Error>>(count: count)
    let next = Slots<Int>.Cursor(limit: count)
    DispatchQueue.concurrentPerform(iterations: min(workers, count)) { _ in
        while let index = next.take() { slots.set(index, Result { try body(index) }) }
    }
    return try slots.all().map { try $0.get() }
}

/// The same for steps so short that handing them out one by one would cost more than they do.
///
/// - Parameter stretch: how many neighbouring indices one thread takes at a time.
public func parallelMap<T: Sendable>(
    count: Int, stretch: Int, _ body: @Sendable (Int) throws -> T
) throws -> [T] {
    try parallelMap(count: (count + stretch - 1) / stretch) { part in
        try (part * stretch..<min(count, (part + 1) * stretch)).map(body)
    }.flatMap { $0 }
}

/// Processors this process may use: those it is bound to (`taskset`, a container's set), or what `Workers.count` or
/// `ProcessorLimit` say.
public func processorCount() -> Int {
    if let count = Workers.count ?? ProcessorLimit.shared.count { return count }
    let bound = Int(gitml_processor_count())
    return bound > 0 ? bound : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}

/// How many threads work in parallel.
public enum Workers {
    /// Nil: as many as there are processors. No result depends on it.
    @TaskLocal public static var count: Int?
}

/// How many threads share work in the whole process, where its user decides; results are the same for any number.
public final class ProcessorLimit: @unchecked Sendable {
    public static let shared = ProcessorLimit()
    private let mutex = Mutex()
    private var limit: Int?

    /// Nil: the processors there are.
    public var count: Int? {
        get { mutex.withLock { limit } }
        set { mutex.withLock { limit = newValue.map { max(1, $0) } } }
    }
}

/// Results written by index from many threads, read after all are done.
private final class Slots<Value: Sendable>: @unchecked Sendable {
    private var values: [Value?]
    private var mutex = Mutex()

    init(count: Int) { values = Array(repeating: nil, count: count) }

    func set(_ index: Int, _ value: Value) { mutex.withLock { values[index] = value } }

    func all() -> [Value] { mutex.withLock { values.compactMap { $0 } } }

    /// Hands out indices 0, 1, 2 … once each.
    final class Cursor: @unchecked Sendable {
        private var next = 0
        private let limit: Int
        private let mutex = Mutex()
        init(limit: Int) { self.limit = limit }
        func take() -> Int? {
            mutex.withLock {
                guard next < limit else { return nil }
                defer { next += 1 }
                return next
            }
        }
    }
}

/// A lock for short critical sections.
public final class Mutex: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<pthread_mutex_t>

    public init() {
        handle = .allocate(capacity: 1)
        handle.initialize(to: pthread_mutex_t())
        pthread_mutex_init(handle, nil)
    }

    deinit {
        pthread_mutex_destroy(handle)
        handle.deallocate()
    }

    public func withLock<T>(_ body: () throws -> T) rethrows -> T {
        pthread_mutex_lock(handle)
        defer { pthread_mutex_unlock(handle) }
        return try body()
    }
}
