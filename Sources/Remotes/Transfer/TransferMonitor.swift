import Base

/// Follows one upload or download and reports how far it is, how fast, and how long it will take.
final class TransferMonitor: @unchecked Sendable {
    private let progress: any ProgressReporter
    private let mutex = Mutex()
    private var state: TransferState
    /// Bytes of what is through as a whole; the line itself counts what is on its way, and may count a repetition twice.
    private var completed: Int64 = 0
    private let lineStart: Int64
    private var samples: [(time: Double, bytes: Int64)]
    private static let window = 5.0
    private static let interval = 0.1

    init(_ title: String, store: String, objects: Int, bytes: Int64, _ progress: any ProgressReporter) {
        self.progress = progress
        lineStart = Line.total
        samples = [(monotonicSeconds(), 0)]
        state = TransferState(
            title: title, store: store, objects: 0, totalObjects: objects, bytes: 0, totalBytes: bytes,
            bytesPerSecond: 0)
        Line.observe { [weak self] in self?.tick() }
    }

    /// A part is through.
    func add(objects: Int, bytes: Int64) {
        let now = mutex.withLock {
            state.objects += objects
            completed += bytes
            return update()
        }
        progress.report(now)
    }

    func finish() { Line.observe(nil) }

    private func tick() {
        let now = mutex.withLock { () -> TransferState? in
            guard let last = samples.last, monotonicSeconds() - last.time >= TransferMonitor.interval else {
                return nil
            }
            return update()
        }
        if let now { progress.report(now) }
    }

    private func update() -> TransferState {
        let time = monotonicSeconds()
        let onLine = min(Line.total - lineStart, state.totalBytes)
        state.bytes = min(max(state.bytes, completed, onLine), state.totalBytes)
        samples.append((time, state.bytes))
        samples.removeAll { $0.time < time - TransferMonitor.window }
        if let first = samples.first, time > first.time {
            state.bytesPerSecond = Double(state.bytes - first.bytes) / (time - first.time)
        }
        return state
    }
}
