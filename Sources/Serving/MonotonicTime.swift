import Glibc

/// A clock that never jumps.
public enum MonotonicTime {
    /// Seconds.
    public static func now() -> Double { Double(nanoseconds()) / 1e9 }

    static func nanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
