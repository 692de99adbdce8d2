import Base
import Glibc
import Reports

/// One line on standard error that redraws itself: from one second on, at most ten times a second.
final class TerminalProgress: ProgressReporter, @unchecked Sendable {
    private let mutex = Mutex()
    private let start = monotonicSeconds()
    private var lastDraw = 0.0
    private var title = ""
    private var drawn = false
    private static let delay = 1.0
    private static let interval = 0.1

    func report(_ title: String, completed: Int, total: Int?, detail: String) {
        draw(title, isLast: total == completed) {
            var line = "\(title): "
            if let total, total > 0 {
                line += "\(completed * 100 / total)% (\(completed)/\(total))"
            } else {
                line += String(completed)
            }
            if !detail.isEmpty { line += ", \(detail)" }
            return line
        }
    }

    func report(_ transfer: TransferState) {
        draw(transfer.title, isLast: transfer.objects == transfer.totalObjects) {
            let share = transfer.totalBytes > 0 ? Int(transfer.bytes * 100 / transfer.totalBytes) : 100
            var line =
                "\(transfer.title): \(share)% (\(Quantity.bytes(transfer.bytes)) of "
                + "\(Quantity.bytes(transfer.totalBytes))), \(Quantity.bytes(Int64(transfer.bytesPerSecond)))/s"
            if let left = transfer.secondsLeft, transfer.bytes < transfer.totalBytes {
                line += ", \(Quantity.duration(left.rounded(.up))) left"
            }
            return line
        }
    }

    private func draw(_ title: String, isLast: Bool, _ text: () -> String) {
        mutex.withLock {
            let now = monotonicSeconds()
            if title != self.title {
                endLine()
                self.title = title
            }
            guard now - start >= TerminalProgress.delay, isLast || now - lastDraw >= TerminalProgress.interval else {
                return
            }
            lastDraw = now
            drawn = true
            writeError("\r\u{1b}[K" + text())
            if isLast {
                endLine()
                self.title = ""
            }
        }
    }

    deinit { endLine() }

    private func endLine() {
        if drawn { writeError("\n") }
        drawn = false
    }
}
