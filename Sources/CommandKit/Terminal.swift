import Base
import Glibc
import Reports

/// What can be shown where: decided once, from the options, the environment and the streams.
public struct Terminal: Sendable {
    /// Set for programs whose standard error a program of ours passes on to the terminal.
    public static let progressVariable = "MLRUN_PROGRESS"

    /// How many colours standard output takes.
    public var colors: ColourDepth
    /// Columns of standard output; nil when it is no terminal.
    public var width: Int?
    public var showsProgress: Bool
    /// False after `--no-progress`.
    public var allowsProgress: Bool
    public var quiet: Bool

    public init(_ options: CommonOptions) {
        quiet = options.quiet
        allowsProgress = options.progress ?? true
        let outputIsTerminal = isatty(1) == 1
        width = Terminal.columns(outputIsTerminal)
        colors = Terminal.depth(options.color, outputIsTerminal)
        // Progress only in the foreground, as git does: a background job must not draw over the prompt.
        let foreground = isatty(2) == 1 && tcgetpgrp(2) == getpgrp()
        showsProgress =
            !options.quiet
            && (options.progress
                ?? (foreground && environment("TERM") != "dumb" || environment(Terminal.progressVariable) == "1"))
    }

    private static func depth(_ choice: ColorChoice, _ isTerminal: Bool) -> ColourDepth {
        switch choice {
        case .never: return .none
        case .auto:
            // https://no-color.org: any non-empty value.
            if environment("NO_COLOR")?.isEmpty == false || environment("TERM") == "dumb" || !isTerminal {
                return .none
            }
        case .always: break
        }
        let claim = environment("COLORTERM") ?? ""
        return claim == "truecolor" || claim == "24bit" || choice == .always ? .truecolor : .palette256
    }

    private static func columns(_ isTerminal: Bool) -> Int? {
        if let text = environment("COLUMNS"), let value = Int(text), value > 0 { return value }
        guard isTerminal else { return nil }
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// A variable of the process environment. Only the command layer asks.
public func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// All variables of the process environment.
public func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var pointer = environ
    while let entry = pointer.pointee {
        let text = String(cString: entry)
        if let equals = text.firstIndex(of: "=") {
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        pointer = pointer.advanced(by: 1)
    }
    return result
}

/// The name of this machine.
public func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, buffer.count - 1)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
