import Base
import CPlatform
import Glibc

/// A command in a process group of its own, with its output streamed and its use of the machine measured.
public struct MeasuredProcess: Sendable {
    /// How it went.
    public struct Outcome: Sendable {
        /// The exit status; 128 + the signal's number when a signal ended it.
        public var status: Int32
        /// Seconds on the wall.
        public var duration: Double
        /// User and system seconds of the process and all descendants it waited for.
        public var processorTime: Double
        /// Largest resident size of one of them in bytes. Linux counts the moment before `exec` too, so it is never
        /// less than that of the program that started it.
        public var peakMemory: Int64
        /// SIGINT or SIGTERM, when that came while the command ran and ended it.
        public var interruption: Int32?
        /// Whether it was ended for taking too long.
        public var isTimedOut = false
    }

    public var arguments: [String]
    public var directory: String
    /// The whole environment, `NAME=value`.
    public var environment: [String]
    /// Seconds between SIGTERM and SIGKILL for a process group that has to go.
    public var grace: Double

    /// Seconds after which the process group has to go; nil for never.
    public var timeout: Double?

    public init(
        _ arguments: [String], directory: String, environment: [String], grace: Double = 5, timeout: Double? = nil
    ) {
        self.timeout = timeout
        self.arguments = arguments
        self.directory = directory
        self.environment = environment
        self.grace = grace
    }

    /// Runs and waits. Standard input is empty; both output streams arrive in one, in the order they were written.
    ///
    /// - Parameter output: gets each piece as it comes.
    /// - Throws: `MLError(.notFound)` when the program cannot be started. A non-zero status is not thrown.
    public func run(output: ([UInt8]) -> Void) throws -> Outcome {
        let signals = try SignalRelay.shared.begin()
        defer { SignalRelay.shared.end() }
        var ends: [Int32] = [0, 0]
        guard gitml_pipe_cloexec(&ends) == 0 else { throw Files.ioError("cannot create a pipe") }
        defer { close(ends[0]) }
        let start = monotonicSeconds()
        let child: pid_t
        do {
            defer { close(ends[1]) }
            child = try spawn(writer: ends[1])
        }
        return follow(child, ends[0], signals, start, output)
    }

    private func spawn(writer: Int32) throws -> pid_t {
        guard let name = arguments.first else { throw MLError(.usage, "no program to run") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, writer, 1)
        posix_spawn_file_actions_adddup2(&actions, writer, 2)
        gitml_spawn_addchdir(&actions, directory)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGQUIT] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        // A pool's threads run with signals blocked; a shell with SIGCHLD blocked would wait for ever.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        posix_spawnattr_setsigmask(&attributes, &unblocked)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        argv.append(nil)
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
        envp.append(nil)
        defer { for pointer in argv + envp { free(pointer) } }
        var child = pid_t()
        let failure = posix_spawnp(&child, name, &actions, &attributes, argv, envp)
        guard failure == 0 else {
            errno = failure
            throw Files.ioError("cannot run '\(name)' in '\(directory)'")
        }
        return child
    }

    /// Drains the output until the command ended. A background process that keeps the pipe open does not hold us up.
    private func follow(
        _ child: pid_t, _ reader: Int32, _ signals: Int32, _ start: Double, _ output: ([UInt8]) -> Void
    ) -> Outcome {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isOpen = true
        var interruption: Int32?
        var killTime: Double?
        var isTimedOut = false
        var patience: Int32 = 1
        var usage = rusage()
        var status: Int32 = 0
        while true {
            var polls = [pollfd(fd: interruption == nil ? signals : -1, events: Int16(POLLIN), revents: 0)]
            if isOpen { polls.append(pollfd(fd: reader, events: Int16(POLLIN), revents: 0)) }
            // Without a pipe to wait on, look often at first and then less so.
            _ = poll(&polls, nfds_t(polls.count), isOpen ? 50 : patience)
            if !isOpen { patience = min(patience * 2, 50) }
            if isOpen, polls[1].revents != 0 {
                let count = read(reader, &buffer, buffer.count)
                if count > 0 {
                    output(Array(buffer[..<count]))
                    if interruption == nil && polls[0].revents == 0 && timeout == nil { continue }
                } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
                    isOpen = false
                }
            }
            if interruption == nil, let number = SignalRelay.shared.received {
                interruption = number
                kill(-child, number)
                killTime = monotonicSeconds() + grace
            }
            if !isTimedOut, interruption == nil, let timeout, monotonicSeconds() - start >= timeout {
                isTimedOut = true
                kill(-child, SIGTERM)
                killTime = monotonicSeconds() + grace
            }
            if let time = killTime, monotonicSeconds() >= time {
                kill(-child, SIGKILL)
                killTime = nil
            }
            let ended = wait4(child, &status, WNOHANG, &usage)
            if ended == child || (ended < 0 && errno != EINTR) { break }
        }
        if isOpen { drain(reader, &buffer, output) }
        // What the command left behind in its group goes with it when the user wanted it to stop.
        if interruption != nil || isTimedOut { kill(-child, SIGKILL) }
        let number = status & 0x7f
        return Outcome(
            status: number == 0 ? (status >> 8) & 0xff : 128 + number, duration: monotonicSeconds() - start,
            processorTime: MeasuredProcess.seconds(usage.ru_utime) + MeasuredProcess.seconds(usage.ru_stime),
            peakMemory: Int64(usage.ru_maxrss) * 1024, interruption: interruption, isTimedOut: isTimedOut)
    }

    /// Takes what is in the pipe now, without waiting for more; at most 1 MiB, for a background process may write on.
    private func drain(_ descriptor: Int32, _ buffer: inout [UInt8], _ output: ([UInt8]) -> Void) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        for _ in 0..<16 {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 { output(Array(buffer[..<count])) } else if count == 0 || errno != EINTR { return }
        }
    }

    private static func seconds(_ value: timeval) -> Double { Double(value.tv_sec) + Double(value.tv_usec) * 1e-6 }
}
