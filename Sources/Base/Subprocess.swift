import CPlatform
import Glibc

/// A program to run to its end.
public struct Subprocess: Sendable {
    /// What becomes of an output stream.
    public enum Output: Sendable { case inherit, capture, discard }

    public struct Result: Sendable {
        /// The exit status; 128 + the signal's number when a signal ended it, as a shell reports it.
        public var status: Int32
        public var output: [UInt8]
        public var errors: [UInt8]
        public var text: String { String(decoding: output, as: UTF8.self) }
        public var errorText: String { String(decoding: errors, as: UTF8.self) }
    }

    public var arguments: [String]
    public var directory: String?
    /// Changes to the inherited environment; nil removes a variable.
    public var environment: [String: String?]
    public var input: [UInt8]?
    public var output: Output
    public var errors: Output
    /// Runs in a session of its own: a signal to this process's group, such as Ctrl-C, does not reach it.
    public var isDetached = false
    /// A descriptor the program keeps open to its end, such as one with a lock.
    public var inherited: Int32?

    public init(
        _ arguments: [String], directory: String? = nil, environment: [String: String?] = [:], input: [UInt8]? = nil,
        output: Output = .capture, errors: Output = .capture
    ) {
        self.arguments = arguments
        self.directory = directory
        self.environment = environment
        self.input = input
        self.output = output
        self.errors = errors
    }

    /// Runs and waits.
    ///
    /// - Throws: `MLError(.notFound)` when the program is not on PATH. A non-zero status is not thrown.
    public func run() throws -> Result {
        guard let name = arguments.first else { throw MLError(.usage, "no program to run") }
        let inputPipe = try input.map { _ in try Pipe() }
        let outputPipe = output == .capture ? try Pipe() : nil
        let errorPipe = errors == .capture ? try Pipe() : nil
        let child = try Subprocess.spawn(name, arguments, environment, isDetached: isDetached) { actions in
            // The same number twice only clears close-on-exec.
            if let inherited { posix_spawn_file_actions_adddup2(&actions, inherited, inherited) }
            if let inputPipe {
                posix_spawn_file_actions_adddup2(&actions, inputPipe.reader, 0)
            }
            Subprocess.connect(&actions, output, outputPipe, 1)
            Subprocess.connect(&actions, errors, errorPipe, 2)
            if let directory { _ = directory.withPath { gitml_spawn_addchdir(&actions, $0) } }
        }
        inputPipe?.closeReader()
        outputPipe?.closeWriter()
        errorPipe?.closeWriter()
        let (out, err) = Subprocess.pump(input ?? [], inputPipe, outputPipe, errorPipe)
        let status = Subprocess.wait(child)
        Trace.note(
            "ran \(arguments.map(URLText.withoutCredentials).joined(separator: " ")): exit \(status), "
                + "\(input?.count ?? 0) bytes in, \(out.count) out")
        return Result(status: status, output: out, errors: err)
    }

    /// Runs and returns the output.
    ///
    /// - Throws: `MLError(.failed)` with the program's own last words when its status is not 0.
    public func check() throws -> Result {
        let result = try run()
        guard result.status == 0 else {
            let words = result.errorText.split(separator: "\n").map(String.init)
            throw MLError(
                .failed,
                "'\(arguments.prefix(3).joined(separator: " "))' failed (exit \(result.status))"
                    + (words.isEmpty ? "" : ": " + words.suffix(3).joined(separator: "; ")))
        }
        return result
    }

    /// Starts a program with the streams that `connect` gives it.
    static func spawn(
        _ name: String, _ arguments: [String], _ environment: [String: String?], isDetached: Bool = false,
        _ connect: (inout posix_spawn_file_actions_t) -> Void
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        connect(&actions)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { $0.withPath { strdup($0) } }
        argv.append(nil)
        var envp: [UnsafeMutablePointer<CChar>?] = Subprocess.merged(environment).map { strdup($0) }
        envp.append(nil)
        defer { for pointer in argv + envp { free(pointer) } }
        // Threads of a pool run with signals blocked, and a blocked SIGCHLD would leave a shell waiting for ever.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var standard = sigset_t()
        sigemptyset(&standard)
        sigaddset(&standard, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        // POSIX_SPAWN_SETSID, which Glibc hides behind _GNU_SOURCE.
        let session: Int32 = isDetached ? 0x80 : 0
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session))
        var child = pid_t()
        let failure = posix_spawnp(&child, name, &actions, &attributes, argv, envp)
        guard failure == 0 else {
            errno = failure
            throw Files.ioError("cannot run '\(name)'")
        }
        return child
    }

    private static func connect(
        _ actions: inout posix_spawn_file_actions_t, _ output: Output, _ pipe: Pipe?, _ descriptor: Int32
    ) {
        if let pipe {
            posix_spawn_file_actions_adddup2(&actions, pipe.writer, descriptor)
        } else if output == .discard {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
    }

    private static func merged(_ changes: [String: String?]) -> [String] {
        var result: [String] = []
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            if !changes.keys.contains(name) { result.append(text) }
            pointer = pointer.advanced(by: 1)
        }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            if let value { result.append("\(name)=\(value)") }
        }
        return result
    }

    /// Feeds and drains all pipes at once, so that neither side can block the other.
    private static func pump(_ input: [UInt8], _ stdin: Pipe?, _ stdout: Pipe?, _ stderr: Pipe?) -> ([UInt8], [UInt8]) {
        var out: [UInt8] = []
        var err: [UInt8] = []
        var sent = 0
        let previous = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, previous) }
        if let stdin {
            _ = fcntl(stdin.writer, F_SETFL, O_NONBLOCK)
            if input.isEmpty { stdin.closeWriter() }
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            var polls: [pollfd] = []
            if let stdin, stdin.writer >= 0 {
                polls.append(pollfd(fd: stdin.writer, events: Int16(POLLOUT), revents: 0))
            }
            for pipe in [stdout, stderr] {
                if let pipe, pipe.reader >= 0 {
                    polls.append(pollfd(fd: pipe.reader, events: Int16(POLLIN), revents: 0))
                }
            }
            if polls.isEmpty { return (out, err) }
            if poll(&polls, nfds_t(polls.count), -1) < 0 && errno != EINTR { return (out, err) }
            for entry in polls where entry.revents != 0 {
                if let stdin, entry.fd == stdin.writer {
                    let count = input.withUnsafeBytes {
                        write(entry.fd, $0.baseAddress?.advanced(by: sent), input.count - sent)
                    }
                    if count > 0 { sent += count }
                    if sent == input.count || (count < 0 && errno != EAGAIN && errno != EINTR) { stdin.closeWriter() }
                    continue
                }
                let count = read(entry.fd, &buffer, buffer.count)
                if count > 0 {
                    if entry.fd == stdout?.reader { out += buffer[..<count] } else { err += buffer[..<count] }
                } else if count == 0 || errno != EINTR {
                    if entry.fd == stdout?.reader { stdout?.closeReader() } else { stderr?.closeReader() }
                }
            }
        }
    }

    /// Waits for the end; the status as a shell reports it.
    static func wait(_ child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let signalNumber = status & 0x7f
        return signalNumber == 0 ? (status >> 8) & 0xff : 128 + signalNumber
    }
}

/// Both ends of a pipe; each closes once.
final class Pipe {
    private(set) var reader: Int32
    private(set) var writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard gitml_pipe_cloexec(&ends) == 0 else { throw Files.ioError("cannot create a pipe") }
        (reader, writer) = (ends[0], ends[1])
    }

    func closeReader() {
        if reader >= 0 { close(reader) }
        reader = -1
    }

    /// Hands the reading end over to somebody who closes it.
    func takeReader() -> Int32 {
        defer { reader = -1 }
        return reader
    }

    func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    deinit {
        closeReader()
        closeWriter()
    }
}
