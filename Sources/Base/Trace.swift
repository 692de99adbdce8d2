import Glibc

/// A record of what the program does, for whoever looks for a fault: programs started, requests sent, files asked for.
///
/// Libraries note; only an entry point, which knows the environment, says where notes go. Without that nothing is
/// formatted at all.
public enum Trace {
    private static let state = State()

    /// Sends notes to a sink from now on; it is called under a lock, with whole lines without a line feed.
    public static func begin(_ sink: @escaping @Sendable (String) -> Void) { state.set(sink) }

    /// Follows a setting as git's `GIT_TRACE` does: `1`, `2` or `true` mean standard error, an absolute path a file to
    /// append to; anything else nothing.
    public static func begin(setting: String?) {
        guard let setting, !setting.isEmpty else { return }
        let descriptor: Int32
        if ["1", "2", "true", "TRUE", "yes", "on"].contains(setting) {
            descriptor = 2
        } else if setting.hasPrefix("/") {
            descriptor = open(setting, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        } else {
            return
        }
        if descriptor < 0 { return }
        begin { line in
            let bytes = Array((line + "\n").utf8)
            _ = write(descriptor, bytes, bytes.count)
        }
    }

    /// Notes one line: when, which process, what.
    public static func note(_ text: @autoclosure () -> String) {
        guard let sink = state.sink else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seconds = now.tv_sec % 86400
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let milliseconds = String(1000 + now.tv_nsec / 1_000_000).dropFirst()
        let clock = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(milliseconds)"
        sink("\(clock) mldata[\(getpid())]: \(text())")
    }

    private final class State: @unchecked Sendable {
        private let mutex = Mutex()
        private var current: (@Sendable (String) -> Void)?
        var sink: (@Sendable (String) -> Void)? { mutex.withLock { current } }
        func set(_ sink: @escaping @Sendable (String) -> Void) { mutex.withLock { current = sink } }
    }
}
