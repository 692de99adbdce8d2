import CPlatform
import Glibc

/// A program that stays alive and answers each line on its standard input with one line on its standard output.
public final class LineProcess: @unchecked Sendable {
    /// How an exchange failed.
    public enum Failure: Error, Sendable {
        /// No answer within the time allowed; the program was killed.
        case timeout
        /// The program ended, with its status as a shell reports it and its last words.
        case ended(status: Int32, words: String)
    }

    private let child: pid_t
    private let input: Pipe
    private let output: Pipe
    private let errors: Pipe
    private var received: [UInt8] = []
    /// The end of what the program wrote to its standard error.
    private var lastWords: [UInt8] = []
    private var status: Int32?

    /// Starts the program.
    public init(_ arguments: [String]) throws {
        guard let name = arguments.first else { throw MLError(.usage, "no program to run") }
        let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
        child = try Subprocess.spawn(name, arguments, [:]) { actions in
            posix_spawn_file_actions_adddup2(&actions, input.reader, 0)
            posix_spawn_file_actions_adddup2(&actions, output.writer, 1)
            posix_spawn_file_actions_adddup2(&actions, errors.writer, 2)
        }
        input.closeReader()
        output.closeWriter()
        errors.closeWriter()
        _ = fcntl(input.writer, F_SETFL, O_NONBLOCK)
        (self.input, self.output, self.errors) = (input, output, errors)
    }

    /// The end of input tells the program to end; one that stays is killed.
    deinit {
        input.closeWriter()
        output.closeReader()
        errors.closeReader()
        guard status == nil else { return }
        for _ in 0..<50 {
            var status: Int32 = 0
            if waitpid(child, &status, WNOHANG) != 0 { return }
            usleep(10_000)
        }
        kill(child, SIGKILL)
        _ = Subprocess.wait(child)
    }

    /// Sends a line and waits for the next one.
    ///
    /// - Parameters:
    ///   - line: without a line feed.
    ///   - seconds: how long the whole exchange may take.
    /// - Throws: `Failure`; the process is gone afterwards.
    public func exchange(_ line: [UInt8], within seconds: Double) throws -> [UInt8] {
        if let status { throw Failure.ended(status: status, words: words) }
        let previous = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, previous) }
        let line = line + [10]
        var sent = 0
        let deadline = LineProcess.now() + seconds
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: 10) {
                let answer = Array(received[..<end])
                received.removeSubrange(...end)
                return answer
            }
            searched = received.count
            var polls = [pollfd(fd: output.reader, events: Int16(POLLIN), revents: 0)]
            if errors.reader >= 0 { polls.append(pollfd(fd: errors.reader, events: Int16(POLLIN), revents: 0)) }
            if sent < line.count { polls.append(pollfd(fd: input.writer, events: Int16(POLLOUT), revents: 0)) }
            let rest = deadline - LineProcess.now()
            guard rest > 0 else {
                kill(child, SIGKILL)
                status = Subprocess.wait(child)
                throw Failure.timeout
            }
            if poll(&polls, nfds_t(polls.count), Int32(min(rest * 1000 + 1, 1e9))) < 0 && errno != EINTR { continue }
            for entry in polls where entry.revents != 0 {
                if sent < line.count, entry.fd == input.writer {
                    let count = line.withUnsafeBytes {
                        write(entry.fd, $0.baseAddress?.advanced(by: sent), line.count - sent)
                    }
                    // A program that does not read may still answer, or end: what it says decides.
                    if count > 0 { sent += count } else if count < 0, errno == EPIPE { sent = line.count }
                } else if entry.fd == output.reader {
                    let count = read(entry.fd, &buffer, buffer.count)
                    if count > 0 {
                        received += buffer[..<count]
                    } else if count == 0 {
                        try finish()
                    }
                } else {
                    let count = read(entry.fd, &buffer, buffer.count)
                    if count > 0 {
                        lastWords = (lastWords + buffer[..<count]).suffix(4096)
                    } else {
                        errors.closeReader()
                    }
                }
            }
        }
    }

    private func finish() throws -> Never {
        var buffer = [UInt8](repeating: 0, count: 4096)
        if errors.reader >= 0 {
            _ = fcntl(errors.reader, F_SETFL, O_NONBLOCK)
            while case let count = read(errors.reader, &buffer, buffer.count), count > 0 {
                lastWords = (lastWords + buffer[..<count]).suffix(4096)
            }
        }
        // Its own status, if it ends by itself; one that closed its output but runs on is of no more use.
        var info = siginfo_t()
        for _ in 0..<200 {
            info.si_signo = 0
            if waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0 { break }
            usleep(5000)
        }
        kill(child, SIGKILL)
        let code = Subprocess.wait(child)
        status = code
        throw Failure.ended(status: code, words: words)
    }

    private var words: String {
        let lines = String(decoding: lastWords, as: UTF8.self).split(separator: "\n").filter {
            !$0.allSatisfy(\.isWhitespace)
        }
        return lines.suffix(2).joined(separator: "; ")
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
