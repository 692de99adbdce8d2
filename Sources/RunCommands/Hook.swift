import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import RunKit

/// The run side of Git's hooks: `git mldata hook` calls it.
struct Hook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook",
        abstract: "Run a hook: notes follow commits, records follow pushes.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String]

    /// Never in git's way: what goes wrong here is said, and `git mlrun reindex` or `push` mends it later.
    ///
    /// One exception: a push of a commit that misses a gate its own pipeline declares.
    func run() throws {
        do { try act() } catch let error as MLError {
            let status = ErrorText.show(error)
            if error.code == .negative { throw ExitCode(status) }
        }
    }

    /// What is pushed to a branch must meet its gates, compared with what is there. A metric nobody recorded is said, no
    /// more: the pipeline may run elsewhere.
    private func checkGates(_ runs: RunRepository, _ input: String) throws {
        for line in input.split(separator: "\n") {
            // local ref, local id, remote ref, remote id
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4, words[2].hasPrefix("refs/heads/"), let id = GitID(words[1]), !id.isZero else {
                continue
            }
            let commit = try runs.repository.commit(id.hex)
            guard let gates = try? runs.gates(of: commit), !gates.isEmpty else { continue }
            let session = try RunSession(CommonOptions.parse([]))
            let old = GitID(words[3]).flatMap { $0.isZero || !runs.repository.contains($0) ? nil : $0.hex }
            for result in try GateKeeper(session).judge(commit, gates, base: old) where !result.violations.isEmpty {
                let text = result.violations.joined(separator: ", ")
                if result.value == nil || text.contains("missing in the base") {
                    session.ui.warning("a gate was not checked: \(text)")
                } else {
                    throw MLError(
                        .negative, "\(words[2]) misses a gate: \(text)",
                        hint: "'git push --no-verify' pushes all the same, without data and records")
                }
            }
        }
    }

    private func act() throws {
        if arguments.first == "pre-push" { return try push(arguments.count > 1 ? arguments[1] : "origin", input()) }
        let runs = try RunRepository(DataRepository())
        switch arguments.first {
        case "post-commit":
            if let head = try runs.repository.head() { try runs.note([head]) }
        case "post-rewrite":
            let new = try input().split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst().first }
            try runs.note(new.map { try runs.repository.commit(String($0)) })
        case "post-merge": try RunExchange(runs.repository).joinFetched()
        default: break
        }
    }

    private func push(_ remote: String, _ refs: String) throws {
        // A push of nothing asks for nothing but what git knows, and goes to the network for records only that it has not
        // sent yet.
        if refs.isEmpty { return _ = try RunExchange(Repository()).push(remote, onlyMoved: true) }
        let runs = try RunRepository(DataRepository())
        try checkGates(runs, refs)
        try RunExchange(runs.repository).push(remote)
    }

    private func input() throws -> String {
        String(decoding: try FileHandle(borrowing: 0, path: "standard input").readToEnd(), as: UTF8.self)
    }
}
