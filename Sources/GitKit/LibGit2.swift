import Base
import CGit2

/// The one place that starts libgit2 and turns its return codes into errors.
enum LibGit2 {
    /// Starts the library once; later calls cost nothing.
    static let start: Void = {
        git_libgit2_init()
        _ = gitml_allow_extensions()
    }()

    /// Runs a call and throws its words when it fails.
    static func check(
        _ code: MLError.Code = .failed, _ context: @autoclosure () -> String, _ call: () -> Int32
    ) throws {
        let result = call()
        guard result < 0 else { return }
        throw error(result, code, context())
    }

    static func error(_ result: Int32, _ code: MLError.Code, _ context: String) -> MLError {
        let words = git_error_last().flatMap { $0.pointee.message }.map { String(cString: $0) } ?? "error \(result)"
        switch git_error_code(result) {
        case GIT_ENOTFOUND: return MLError(.notFound, "\(context): \(words)")
        case GIT_EMODIFIED, GIT_ELOCKED: return MLError(.conflict, "\(context): \(words)")
        default: return MLError(code, "\(context): \(words)")
        }
    }
}
