import Base
import Glibc

/// `git-mldata`, started for what this small program does not do itself.
struct ChildProgram {
    let environment: GitEnvironment

    init(_ environment: GitEnvironment) { self.environment = environment }

    /// The program beside this one, or else the one on PATH.
    var path: String {
        guard let own = environment.executable else { return "git-mldata" }
        let sibling = Files.join(Files.parent(of: own), "git-mldata")
        return access(sibling, X_OK) == 0 ? sibling : "git-mldata"
    }

    /// Runs it in the work tree. Its standard output goes where messages go, since this program's own belongs to git.
    ///
    /// - Throws: `MLError(.failed)` when it fails, `MLError(.notFound)` when there is none.
    func run(_ arguments: [String], input: [UInt8], message: (String) -> Void) throws {
        let result = try Subprocess(
            [path] + arguments, directory: environment.directory,
            // A temporary index of git's is none of the child's business.
            environment: ["GIT_INDEX_FILE": nil], input: input, output: .capture, errors: .inherit
        ).run()
        for line in result.text.split(separator: "\n") { message(String(line)) }
        guard result.status == 0 else {
            throw MLError(.failed, "'git-mldata \(arguments[0])' failed (exit \(result.status))")
        }
    }
}
