import Base
import ObjectStore

/// The state many transfers share: what is done, what is missing, what failed.
final class Job: @unchecked Sendable {
    private let total: Int
    private let title: String
    private let detail: String
    private let progress: any ProgressReporter
    private let mutex = Mutex()
    private var transfer = ContentTransfer()
    private var completed: [ObjectID] = []
    private var absent: [ObjectID] = []
    private var failures: [MLError] = []

    init(total: Int, title: String, detail: String, progress: any ProgressReporter) {
        self.total = total
        self.title = title
        self.detail = detail
        self.progress = progress
    }

    var done: [ObjectID] { mutex.withLock { completed } }
    var missing: [ObjectID] { mutex.withLock { absent } }
    var hasFailed: Bool { mutex.withLock { !failures.isEmpty } }

    /// Moves one object.
    ///
    /// - Parameter body: returns the bytes moved; nil when the object is not there.
    /// - Returns: whether to begin others: after an error of the whole (no space, no rights) they would fail too.
    func run(_ file: Pointer, _ body: () throws -> Int64?) -> Bool {
        let result = Result { try body() }
        return mutex.withLock {
            switch result {
            case .success(let bytes?):
                completed.append(file.oid)
                if bytes > 0 { transfer.objects += 1 }
                transfer.bytes += bytes
                progress.report(title, completed: completed.count + absent.count, total: total, detail: detail)
            case .success(nil): absent.append(file.oid)
            case .failure(let error as MLError): failures.append(error)
            case .failure(let error): failures.append(MLError(.failed, "a transfer failed", cause: error))
            }
            return failures.allSatisfy { $0.code != .io }
        }
    }

    /// - Throws: the first failure, with the number of others.
    func finish() throws -> (transfer: ContentTransfer, missing: [ObjectID]) {
        try mutex.withLock {
            guard var first = failures.first else { return (transfer, absent) }
            if failures.count > 1 { first.message += "; \(failures.count - 1) more failed" }
            throw first
        }
    }
}
