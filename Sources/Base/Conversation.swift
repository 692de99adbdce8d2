import CPlatform
import Dispatch
import Glibc

/// A program that is spoken to while it runs: one stream to its standard input, one from its standard output.
///
/// Sending and receiving may happen on two threads at once. What it says on standard error is kept for messages.
public final class Conversation: @unchecked Sendable {
    private let child: pid_t
    private let input: Int32
    private let output: Int32
    private let mutex = Mutex()
    private var said: [UInt8] = []
    private var ended: Int32?
    private let silence = DispatchSemaphore(value: 0)

    /// Starts the program.
    ///
    /// - Parameter patience: seconds that a program may take nothing of what is sent to it.
    /// - Throws: `MLError(.notFound)` when it is not on PATH.
    public init(
        _ arguments: [String], directory: String? = nil, environment: [String: String?] = [:], patience: Double = 120
    ) throws {
        guard let name = arguments.first else { throw MLError(.usage, "no program to run") }
        // Sockets: writing to a program that is gone is then an error, not a signal. Two, since ssh makes its streams
        // non-blocking, which would reach every program in a pipeline around it.
        let (input, itsInput) = try Conversation.makeSocket()
        let (output, itsOutput) = try Conversation.makeSocket()
        let errors = try Pipe()
        defer {
            close(itsInput)
            close(itsOutput)
        }
        do {
            child = try Subprocess.spawn(name, arguments, environment) { actions in
                posix_spawn_file_actions_adddup2(&actions, itsInput, 0)
                posix_spawn_file_actions_adddup2(&actions, itsOutput, 1)
                posix_spawn_file_actions_adddup2(&actions, errors.writer, 2)
                if let directory { gitml_spawn_addchdir(&actions, directory) }
            }
        } catch {
            close(input)
            close(output)
            throw error
        }
        errors.closeWriter()
        self.input = input
        self.output = output
        var limit = timeval(tv_sec: Int(patience), tv_usec: 0)
        setsockopt(input, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        Trace.note("started \(arguments.map(URLText.withoutCredentials).joined(separator: " "))")
        let reader = errors.takeReader()
        DispatchQueue(label: "git-ml standard error").async { [self] in
            defer { close(reader) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(reader, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                mutex.withLock { said = Array((said + buffer[..<count]).suffix(8192)) }
            }
            silence.signal()
        }
    }

    deinit {
        close(input)
        close(output)
    }

    private static func makeSocket() throws -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [0, 0]
        guard gitml_socketpair_cloexec(&ends) == 0 else { throw Files.ioError("cannot create a socket") }
        return (ends[0], ends[1])
    }

    /// Sends all of the bytes.
    ///
    /// - Throws: `MLError(.io)` when the program no longer listens.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(input, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Files.ioError("the other side no longer listens") }
            sent += count
        }
    }

    /// Waits for exactly `count` bytes; nil when the program closed its output before.
    public func receive(_ count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let got = recv(output, buffer.baseAddress?.advanced(by: done), count - done, 0)
                if got < 0 && errno == EINTR { continue }
                if got <= 0 { break }
                done += got
            }
        }
        return bytes.count == count ? bytes : nil
    }

    /// Ends the conversation; a program that does not end within a second is told to.
    ///
    /// - Returns: its status as a shell reports it.
    @discardableResult
    public func end() -> Int32 {
        mutex.withLock {
            if let ended { return ended }
            shutdown(input, Int32(SHUT_RDWR))
            shutdown(output, Int32(SHUT_RDWR))
            var status: Int32 = 0
            for attempt in 0..<300 {
                let found = waitpid(child, &status, WNOHANG)
                if found == child || (found < 0 && errno != EINTR) { break }
                if attempt == 100 { kill(child, SIGTERM) }
                if attempt == 200 { kill(child, SIGKILL) }
                usleep(10_000)
            }
            let signalNumber = status & 0x7f
            let result = signalNumber == 0 ? (status >> 8) & 0xff : 128 + signalNumber
            ended = result
            return result
        }
    }

    /// The last lines on standard error, once the program has ended.
    public func lastWords(_ lines: Int = 3) -> String {
        // A helper it left behind may keep standard error open for ever.
        _ = silence.wait(timeout: .now() + 0.5)
        silence.signal()
        let text = String(decoding: mutex.withLock { said }, as: UTF8.self)
        return text.split(whereSeparator: { $0.isNewline }).suffix(lines).joined(separator: "; ")
    }
}
