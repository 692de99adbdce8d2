import Base
import Dispatch
import ObjectStore

/// Brings content into a store.
public typealias ContentDownload = @Sendable ([Pointer], ObjectStore) throws -> Void

/// A download on a thread of its own, for whose content readers of the store wait.
final class BackgroundDownload: @unchecked Sendable {
    private let store: ObjectStore
    private let group = DispatchGroup()
    private var failure: (any Error)?

    init(_ store: ObjectStore) { self.store = store }

    func start(_ body: @escaping @Sendable () throws -> Void) {
        store.expectMore(true)
        DispatchQueue(label: "git-ml download").async(group: group) { [self] in
            do { try body() } catch { failure = error }
            store.expectMore(false)
        }
    }

    /// - Throws: what made the download fail.
    func wait() throws {
        group.wait()
        if let failure { throw failure }
    }
}
