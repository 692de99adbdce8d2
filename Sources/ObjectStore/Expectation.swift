import Base
import Glibc

extension ObjectStore {
    /// Says whether a writer of this very store is about to bring what files consist of. As long as it is, whoever writes a
    /// whole file out (`write`) waits for what is not there yet instead of finding it absent.
    public func expectMore(_ isComing: Bool) { expectation.set(isComing) }

    /// Waits until an object is there, or nothing more is coming.
    func awaitObject(_ id: ObjectID) throws {
        // Looked at again every 2 ms: what is waited for comes in stretches of megabytes.
        while expectation.isComing, try locateKnown(id) == nil { usleep(2_000) }
    }

    final class Expectation: @unchecked Sendable {
        private let mutex = Mutex()
        private var value = false
        var isComing: Bool { mutex.withLock { value } }
        func set(_ value: Bool) { mutex.withLock { self.value = value } }
    }
}
