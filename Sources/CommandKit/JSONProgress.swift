import Base

/// Progress for tools: a line of JSON on standard error, at most twice a second and one at the end of each transfer.
final class JSONProgress: ProgressReporter, @unchecked Sendable {
    private let mutex = Mutex()
    private var last = 0.0
    private static let interval = 0.5

    func report(_ title: String, completed: Int, total: Int?, detail: String) {
        guard isDue(total == completed) else { return }
        var line: JSONObject = [
            "version": 1, "event": "progress", "title": .string(title), "completed": .integer(Int64(completed)),
        ]
        if let total { line["total"] = .integer(Int64(total)) }
        writeError(JSON.object(line).compact() + "\n")
    }

    func report(_ transfer: TransferState) {
        guard isDue(transfer.objects == transfer.totalObjects) else { return }
        let line: JSONObject = [
            "version": 1, "event": "transfer", "title": .string(transfer.title), "store": .string(transfer.store),
            "objects": .integer(Int64(transfer.objects)), "totalObjects": .integer(Int64(transfer.totalObjects)),
            "bytes": .integer(transfer.bytes), "totalBytes": .integer(transfer.totalBytes),
            "bytesPerSecond": .integer(Int64(transfer.bytesPerSecond)),
            "secondsLeft": transfer.secondsLeft.map { .integer(Int64($0.rounded(.up))) } ?? .null,
        ]
        writeError(JSON.object(line).compact() + "\n")
    }

    private func isDue(_ isLast: Bool) -> Bool {
        mutex.withLock {
            let now = monotonicSeconds()
            guard isLast || now - last >= JSONProgress.interval else { return false }
            last = now
            return true
        }
    }
}
