import CPlatform
import Glibc

/// A program of ours that runs beside this one and talks over a socket, its descriptor 3.
public final class HelperProcess: @unchecked Sendable {
    public let process: pid_t
    /// Our end of the socket; closed with the value.
    public let descriptor: Int32
    private let mutex = Mutex()
    private var hasEnded = false

    /// Starts this very program anew, whatever became of its file.
    public init(arguments: [String], environment: [String: String?] = [:]) throws {
        let (own, other) = try HelperProcess.sockets()
        defer { close(other) }
        descriptor = own
        do {
            process = try Subprocess.spawn("/proc/self/exe", arguments, environment) { actions in
                posix_spawn_file_actions_adddup2(&actions, other, 3)
            }
        } catch {
            close(own)
            throw error
        }
    }

    /// Both ends of a new socket, closed in programs that are started.
    public static func sockets() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard gitml_socketpair_cloexec(&ends) == 0 else { throw Files.ioError("cannot create a socket") }
        return (ends[0], ends[1])
    }

    /// Ends it at once, and waits until it is gone.
    public func kill() {
        mutex.withLock {
            if hasEnded { return }
            hasEnded = true
            _ = Glibc.kill(process, SIGKILL)
            _ = Subprocess.wait(process)
        }
    }

    deinit {
        kill()
        close(descriptor)
    }
}
