import Base
import Glibc

/// Notices SIGINT and SIGTERM while a stage runs, so that its processes can be ended and the stage left cleanly.
///
/// The handler only stores the number and writes to a pipe that is never drained: every waiter's `poll` sees it.
final class SignalRelay: @unchecked Sendable {
    static let shared = SignalRelay()

    private let mutex = Mutex()
    private var users = 0
    private var oldInterrupt = sigaction()
    private var oldTerminate = sigaction()
    private var reader: Int32 = -1

    /// Starts listening; returns the descriptor that becomes readable on a signal.
    func begin() throws -> Int32 {
        try mutex.withLock {
            if users == 0 {
                var ends: [Int32] = [0, 0]
                guard pipe(&ends) == 0 else { throw Files.ioError("cannot create a pipe") }
                for end in ends {
                    _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                    _ = fcntl(end, F_SETFL, O_NONBLOCK)
                }
                reader = ends[0]
                signalWriter = ends[1]
                signalReceived = 0
                var action = sigaction()
                action.__sigaction_handler.sa_handler = signalHandler
                sigaction(SIGINT, &action, &oldInterrupt)
                sigaction(SIGTERM, &action, &oldTerminate)
            }
            users += 1
            return reader
        }
    }

    /// Stops listening and puts the former handlers back.
    func end() {
        mutex.withLock {
            users -= 1
            guard users == 0 else { return }
            sigaction(SIGINT, &oldInterrupt, nil)
            sigaction(SIGTERM, &oldTerminate, nil)
            close(reader)
            close(signalWriter)
            signalWriter = -1
        }
    }

    /// The signal that came; nil when none did.
    var received: Int32? { signalReceived == 0 ? nil : signalReceived }
}

// A signal handler can reach nothing but globals. Both are single words, written by the handler or under the lock.
nonisolated(unsafe) private var signalWriter: Int32 = -1
nonisolated(unsafe) private var signalReceived: Int32 = 0

private func signalHandler(_ number: Int32) {
    let saved = errno
    signalReceived = number
    var byte: UInt8 = 0
    _ = write(signalWriter, &byte, 1)
    errno = saved
}
