import Base
import Glibc

/// The only way from a command to the user: results on standard output, everything else on standard error.
public struct UserInterface: Sendable {
    public let terminal: Terminal

    public init(_ options: CommonOptions) throws {
        if let directory = options.directory, chdir(directory) != 0 {
            throw Files.ioError("cannot change to '\(directory)'")
        }
        terminal = Terminal(options)
    }

    /// A line of the result.
    public func print(_ line: String) { out(line + "\n") }

    /// The line that sums up what was done; silent with `-q`.
    public func summary(_ line: String) { if !terminal.quiet { out(line + "\n") } }

    /// A result that brings its own line feeds.
    public func write(_ text: String) { out(text) }

    /// Raw bytes of the result.
    public func write(_ bytes: [UInt8]) throws {
        fflush(nil)
        try FileHandle(borrowing: 1, path: "standard output").writeAll(bytes)
    }

    /// A remark on what is going on; silent with `-q`.
    public func status(_ line: String) {
        if terminal.quiet { return }
        note(line)
    }

    public func warning(_ message: String) { note("warning: " + message) }

    public func hint(_ message: String) { if !terminal.quiet { note("hint: " + message) } }

    /// The reporter that long work gets.
    public var progress: any ProgressReporter {
        terminal.showsProgress ? TerminalProgress() : SilentProgress()
    }

    /// The reporter for a command that may answer in JSON: then progress is JSON too, a line each.
    public func progress(json: Bool) -> any ProgressReporter {
        guard json else { return progress }
        return terminal.quiet || !terminal.allowsProgress ? SilentProgress() : JSONProgress()
    }

    /// Names come out as the bytes they are.
    private func out(_ text: String) {
        guard text.holdsRawBytes else { return Swift.print(text, terminator: "") }
        try? write(text.pathBytes)
    }

    private func note(_ line: String) {
        writeError(line + "\n")
    }
}
