import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import RunKit

/// The run side of Git's hooks: `git mldata hook` calls it.
struct Hook: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a hook: notes follow commits, records follow pushes.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String]

    /// Never in git's way: what goes wrong here is said, and `git mlrun reindex` or `push` mends it later.
    func run() throws {
        do { try act() } catch let error as MLError { _ = ErrorText.show(error) }
    }

    private func act() throws {
        let runs = try RunRepository(DataRepository())
        switch arguments.first {
        case "post-commit":
            if let head = try runs.repository.head() { try runs.note([head]) }
        case "post-rewrite":
            let input = String(
                decoding: try FileHandle(borrowing: 0, path: "standard input").readToEnd(), as: UTF8.self)
            let new = input.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first }
            try runs.note(new.map { try runs.repository.commit(String($0)) })
        case "post-merge": try RunExchange(runs.repository).joinFetched()
        case "pre-push":
            try RunExchange(runs.repository).push(arguments.count > 1 ? arguments[1] : "origin")
        default: break
        }
    }
}
