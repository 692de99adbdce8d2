import Base
import Glibc

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
        mutex.withLock {
            let now = monotonicSeconds()
            let isLast = total == completed
            if title != self.title {
                endLine()
                self.title = title
            }
            guard now - start >= TerminalProgress.delay, isLast || now - lastDraw >= TerminalProgress.interval else {
                return
            }
            lastDraw = now
            drawn = true
            var line = "\(title): "
            if let total, total > 0 {
                line += "\(completed * 100 / total)% (\(completed)/\(total))"
            } else {
                line += String(completed)
            }
            if !detail.isEmpty { line += ", \(detail)" }
            writeError("\r\u{1b}[K" + line)
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
