import Base
import Glibc

/// Git's exit codes.
public enum ExitStatus {
    /// A plain "no".
    public static let negative: Int32 = 1
    public static let fatal: Int32 = 128
    public static let usage: Int32 = 129
}

/// The only place where an error becomes text and an exit code.
public enum ErrorText {
    /// Prints `fatal: …` (or `error: …` for a plain "no"), its causes and hints.
    ///
    /// - Returns: the exit code that goes with it.
    public static func show(_ error: MLError) -> Int32 {
        writeError(text(of: error))
        return exitCode(of: error)
    }

    public static func exitCode(of error: MLError) -> Int32 {
        switch error.code {
        case .negative: ExitStatus.negative
        case .usage: ExitStatus.usage
        default: ExitStatus.fatal
        }
    }

    static func text(of error: MLError) -> String {
        var lines = [(error.code == .negative ? "error: " : "fatal: ") + error.message]
        var hints = error.hints
        var cause = error.cause
        while let current = cause {
            if let inner = current as? MLError {
                lines.append("caused by: " + inner.message)
                hints += inner.hints
                cause = inner.cause
            } else {
                lines.append("caused by: \(current)")
                cause = nil
            }
        }
        return (lines + hints.map { "hint: " + $0 }).joined(separator: "\n") + "\n"
    }
}
