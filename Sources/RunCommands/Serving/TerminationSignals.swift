import Base
import Glibc

/// SIGTERM and SIGINT, waited for instead of handled: the first asks for a clean end, a second one ends at once.
struct TerminationSignals {
    private let set: sigset_t

    /// Blocks the signals in this thread and those it starts.
    init() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        self.set = set
    }

    /// - Returns: true when a signal came within so many seconds; the next one then ends the process.
    func wait(seconds: Double) -> Bool {
        var set = set
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
        guard sigtimedwait(&set, nil, &time) > 0 else { return false }
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        return true
    }
}

/// Seconds of a clock that never jumps.
enum Moment {
    static func now() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
