import Base
import Glibc

/// Writes to standard error at once, after whatever standard output still holds back.
func writeError(_ text: String) {
    fflush(nil)
    // Nobody is left to tell when standard error itself fails.
    try? FileHandle(borrowing: 2, path: "standard error").writeAll(text.pathBytes)
}
