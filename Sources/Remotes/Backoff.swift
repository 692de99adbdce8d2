import Base
import Glibc

/// How long to wait before the next try: a random time below a limit that doubles from half a second up to eight, so that many
/// clients do not come back at once (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter).
struct Backoff {
    private var seconds = 0.5

    mutating func pause() {
        usleep(useconds_t(seconds * Double.random(in: 0...1) * 1_000_000))
        seconds = min(seconds * 2, 8)
    }
}
