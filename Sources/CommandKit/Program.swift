import ArgumentParser
import Base
import Glibc

/// Runs a root command as git runs its own: errors as `fatal:` and `hint:`, exit codes 0, 1, 128 and 129.
public enum Program {
    /// The version all programs print.
    public static let version = "0.1.0"

    /// Parses the arguments, runs the command, exits.
    public static func main<Root: ParsableCommand>(_ root: Root.Type) -> Never {
        Trace.begin(setting: environment("GIT_MLDATA_TRACE"))
        if let threads = environment("GIT_ML_THREADS"), let count = Int(threads), count > 0 {
            ProcessorLimit.shared.count = count
        }
        do {
            let arguments = try moveToDirectory(Program.arguments())
            if try generate(root, arguments) { leave(0) }
            try suggest(root, arguments)
            var command = try root.parseAsRoot(arguments)
            try command.run()
            leave(0)
        } catch let error as MLError {
            leave(ErrorText.show(error))
        } catch let code as ExitCode {
            leave(code.rawValue)
        } catch {
            if root.exitCode(for: error) == .success {
                Swift.print(spoken(root, root.fullMessage(for: error)))
                leave(0)
            }
            writeError(spoken(root, root.fullMessage(for: error)).replacingPrefix("Error: ", with: "fatal: ") + "\n")
            leave(ExitStatus.usage)
        }
    }

    /// The arguments as they were typed: `CommandLine.arguments` repairs names that are no UTF-8.
    private static func arguments() -> [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { CommandLine.unsafeArgv[$0] }.map {
            String(path: UnsafeRawBufferPointer(start: $0, count: strlen($0)))
        }
    }

    /// `git mldata -C DIR add` means what `git -C DIR mldata add` means.
    private static func moveToDirectory(_ arguments: [String]) throws -> [String] {
        var rest = arguments[...]
        while rest.first == "-C", rest.count >= 2 {
            let directory = rest[rest.startIndex + 1]
            guard chdir(directory) == 0 else { throw Files.ioError("cannot change to '\(directory)'") }
            rest = rest.dropFirst(2)
        }
        return Array(rest)
    }

    /// Git's manner for a mistyped subcommand; the parser alone would speak of an unexpected argument.
    private static func suggest(_ root: (some ParsableCommand).Type, _ arguments: [String]) throws {
        guard let word = arguments.first, !word.hasPrefix("-"), !root.configuration.subcommands.isEmpty,
            root.configuration.defaultSubcommand == nil
        else { return }
        let names = root.configuration.subcommands.map { $0._commandName }
        let aliases = root.configuration.subcommands.flatMap { $0.configuration.aliases }
        guard !names.contains(word), !aliases.contains(word), word != "help" else { return }
        let name = root.configuration.commandName ?? "git"
        let spoken = name.replacingPrefix("git-", with: "git ")
        let near = NearestName.find(word, in: names)
        throw MLError(
            .usage, "'\(word)' is not a \(spoken) command",
            hints: (near.map { ["did you mean '\($0)'?"] } ?? []) + ["see '\(spoken) -h'"])
    }

    /// What `install.sh` asks for: manual pages and completions, made from the commands themselves.
    private static func generate(_ root: (some ParsableCommand).Type, _ arguments: [String]) throws -> Bool {
        guard arguments.count == 2 else { return false }
        switch arguments[0] {
        case "--generate-man-pages":
            try Files.makeDirectories(arguments[1])
            for page in try ManualPage.pages(root._dumpHelp()) {
                try Files.writeAtomically(page.text, to: arguments[1] + "/" + page.name)
            }
        case "--generate-completion": Swift.print(try CompletionText.script(root, shell: arguments[1]), terminator: "")
        default: return false
        }
        return true
    }

    /// Help speaks of `git mldata add`, as people type it, and not of the program behind it.
    private static func spoken(_ root: (some ParsableCommand).Type, _ text: String) -> String {
        guard let name = root.configuration.commandName, name.hasPrefix("git-") else { return text }
        let said = "git " + name.dropFirst("git-".count)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var line = String(line)
            for prefix in ["USAGE: ", "Usage: ", "       ", "  See '", "See '"] {
                line = line.replacingPrefix(prefix + name, with: prefix + said)
            }
            return line
        }.joined(separator: "\n")
    }

    static func leave(_ code: Int32) -> Never {
        // A full disk behind standard output must not pass for success.
        if fflush(nil) != 0 && code == 0 {
            if errno == EPIPE { exit(128 + SIGPIPE) }
            writeError("fatal: cannot write standard output: \(String(cString: strerror(errno)))\n")
            exit(ExitStatus.fatal)
        }
        exit(code)
    }
}

extension String {
    func replacingPrefix(_ prefix: String, with other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }

}
