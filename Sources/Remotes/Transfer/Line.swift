import Base
import Glibc

/// The line between this machine and its remotes: every driver tells it what passes, so that one place counts the bytes and
/// keeps to the limit (`mldata.bandwidth`).
public enum Line {
    private static let state = LineState()

    /// The most bytes a second, up and down together; nil for no limit.
    public static func limit(bytesPerSecond: Int64?) { state.limit(bytesPerSecond) }

    /// Takes note of bytes that went over the line, and waits when they went too fast.
    static func passed(_ bytes: Int) { state.passed(bytes) }

    /// Bytes so far.
    static var total: Int64 { state.total }

    /// Calls somebody after bytes have passed; nil ends that.
    static func observe(_ observer: (@Sendable () -> Void)?) { state.observe(observer) }
}

private final class LineState: @unchecked Sendable {
    private let mutex = Mutex()
    private var rate: Double?
    /// When the line is free again.
    private var free = 0.0
    private var bytes: Int64 = 0
    private var observer: (@Sendable () -> Void)?

    var total: Int64 { mutex.withLock { bytes } }

    func limit(_ bytesPerSecond: Int64?) {
        mutex.withLock { rate = bytesPerSecond.map { Double(max($0, 1)) } }
    }

    func observe(_ observer: (@Sendable () -> Void)?) { mutex.withLock { self.observer = observer } }

    func passed(_ count: Int) {
        let (wait, observer) = mutex.withLock { () -> (Double, (@Sendable () -> Void)?) in
            bytes += Int64(count)
            guard let rate else { return (0, self.observer) }
            let now = monotonicSeconds()
            free = max(free, now) + Double(count) / rate
            return (free - now, self.observer)
        }
        observer?()
        // A short burst is let through: below a hundredth of a second sleeping costs more than it evens out.
        if wait > 0.01 { usleep(useconds_t(min(wait, 4_000) * 1_000_000)) }
    }
}
