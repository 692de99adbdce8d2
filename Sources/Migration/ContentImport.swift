import Base
import ObjectStore

/// Puts the content of many files into the store, in parallel.
enum ContentImport {
    /// - Returns: for each file the pointer to what was really read; nil for an empty one, which Git keeps itself.
    static func add(_ paths: [String], to store: ObjectStore, progress: any ProgressReporter) throws -> [Pointer?] {
        if paths.isEmpty { return [] }
        let writer = try store.makeWriter()
        let done = Tally()
        let pointers = try parallelMap(count: paths.count) { index -> Pointer? in
            let file = try FileHandle(reading: paths[index])
            let pointer = try file.status().size == 0 ? nil : writer.add { try file.read(into: $0) }.pointer
            progress.report("Importing content", completed: done.increment(), total: paths.count, detail: "")
            return pointer
        }
        try writer.finish()
        return pointers
    }
}

/// Counts up from many threads.
final class Tally: @unchecked Sendable {
    private let mutex = Mutex()
    private var value = 0

    func increment() -> Int {
        mutex.withLock {
            value += 1
            return value
        }
    }
}
