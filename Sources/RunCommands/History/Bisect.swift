import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct Bisect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect",
        abstract: "Find the first commit where a metric is no longer good.",
        discussion: """
            Drives 'git bisect' in a work tree of its own. Where a record answers nothing runs; elsewhere the commit's
            pipeline runs, and what comes out is recorded. A commit without an answer is skipped.

            Example:
              git mlrun bisect accuracy '>=0.85' v1.0 HEAD
            """)

    @Argument(help: "A metric.") var metric: String
    @Argument(help: ArgumentHelp("When it is good, such as '>=0.85'.", valueName: "condition")) var condition: String
    @Argument(help: "A commit where it is good.") var good: String
    @Argument(help: "A later one where it is not.") var bad: String
    @Flag(help: "Run nothing: skip commits without a record.") var recordsOnly = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let test = try FilterExpression("value \(condition)")
        let goodCommit = try session.repository.commit(good)
        let badCommit = try session.repository.commit(bad)
        for (commit, name, wanted) in [(goodCommit, good, true), (badCommit, bad, false)] {
            let value = try value(commit, session)
            guard let value else { continue }
            if test.matches({ _ in value }) != wanted {
                throw MLError(
                    .invalidInput,
                    "'\(metric)' of '\(name)' is \(value.compact()), which is \(wanted ? "not " : "")\(condition)",
                    hint: "the first revision is good, the second bad")
            }
        }
        let tree = try ScratchTree(session.repository, commit: badCommit.id)
        defer {
            _ = try? tree.inside(["bisect", "reset"])
            tree.remove()
        }
        var answer = try tree.inside(["bisect", "start", "--no-checkout", badCommit.id.hex, goodCommit.id.hex]).text
        while !answer.contains(" is the first bad commit") {
            if answer.contains("There are only 'skip'ped commits left") || answer.contains("We cannot bisect more") {
                throw MLError(
                    .failed, "the first bad commit is among commits without an answer",
                    hint: answer.split(separator: "\n").filter { GitID($0) != nil }.joined(separator: " "))
            }
            guard let id = GitID(try tree.inside(["rev-parse", "BISECT_HEAD"]).text.dropLast()) else { break }
            let commit = try session.repository.commit(id.hex)
            let verdict: String
            if let value = try value(commit, session) {
                verdict = test.matches { _ in value } ? "good" : "bad"
                session.ui.status("\(id.short)  \(metric)=\(TableView.spell(value))  \(verdict)  \(commit.subject)")
            } else {
                verdict = "skip"
                session.ui.status("\(id.short)  no \(metric): skipped  \(commit.subject)")
            }
            // Git's own exit status is 2 once nothing but skipped commits is left.
            answer = try bisect(verdict, tree)
        }
        let first = try session.repository.commit(String(answer.prefix { $0 != " " }))
        session.ui.print("\(first.id.hex) is the first bad commit: \(first.subject)")
    }

    private func bisect(_ verdict: String, _ tree: ScratchTree) throws -> String {
        let git = GitCommand(directory: tree.path)
        return try git.start(["bisect", verdict], environment: GitCommand.localVariables).text
    }

    private func value(_ commit: Commit, _ session: RunSession) throws -> JSON? {
        if let value = try HistoryReader(session).entry(commit.id).value(metric) { return value }
        if recordsOnly { return nil }
        session.ui.status("\(commit.id.short)  running its pipeline")
        let outcome = try RevisionRun(session.runs, program: Executable.sibling("git-mlrun")).run(commit)
        if let failure = outcome.failure { session.ui.warning("\(commit.id.short) failed: \(failure)") }
        var entry = HistoryEntry(
            commit: commit.id.hex, tree: commit.tree.hex, subject: "", date: commit.time, metrics: [:], params: [:])
        entry.metrics = MetricNames.joined(outcome.metrics)
        return entry.value(metric)
    }
}
