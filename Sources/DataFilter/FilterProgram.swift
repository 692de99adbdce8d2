import Base
import Glibc

/// The commands of `git-mldata-filter`, for its own entry point and for `git mldata`.
public enum FilterProgram {
    /// Runs `filter-process`, `clean [path]` or `smudge [path]` on standard input and output.
    ///
    /// - Parameters:
    ///   - variables: the environment.
    ///   - directory: the current folder, absolute.
    ///   - executable: this program's own file.
    ///   - message: takes one line for standard error.
    /// - Returns: the exit code.
    public static func run(
        _ arguments: [String], variables: [String: String], directory: String, executable: String?,
        message: @escaping (String) -> Void
    ) -> Int32 {
        do {
            guard let command = arguments.first, ["filter-process", "clean", "smudge"].contains(command) else {
                message("usage: git-mldata-filter filter-process | clean [PATH] | smudge [PATH]")
                return 129
            }
            let environment = try GitEnvironment(variables: variables, directory: directory, executable: executable)
            let skip = arguments.contains("--skip")
            let input = FileHandle(borrowing: 0, path: "standard input")
            let output = FileHandle(borrowing: 1, path: "standard output")
            let path = arguments.dropFirst().first { $0 != "--" && $0 != "--skip" } ?? "standard input"
            func session() throws -> FilterSession {
                try FilterSession(environment, skipSmudge: skip, message: message)
            }
            switch command {
            case "clean": try OneShot.clean(session(), path: path, input: input, output: output)
            case "smudge": try OneShot.smudge(session(), path: path, input: input, output: output)
            default:
                var process = FilterProcess(input: 0, output: 1, session: session)
                try process.run()
            }
            return 0
        } catch let error as MLError {
            message("fatal: \(error)")
            for hint in error.hints { message("hint: \(hint)") }
            return 128
        } catch {
            message("fatal: \(error)")
            return 128
        }
    }
}
