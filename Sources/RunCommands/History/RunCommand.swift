import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the pipeline of committed revisions, each in a work tree of its own.",
        discussion: """
            What a record answers does not run. Results are recorded on those commits; your files are not touched.

            Examples:
              git mlrun run HEAD~5..HEAD -j 4
              git mlrun run v1.0 v2.0 --stage evaluate
              git mlrun run main~20..main --stage evaluate --with data/test.tsv@main
            """)

    @Argument(help: ArgumentHelp("Revisions and ranges.", valueName: "rev")) var revisions: [String]
    @Option(
        parsing: .singleValue, help: ArgumentHelp("Only this stage, without what it depends on.", valueName: "stage"))
    var stage: [String] = []
    @Option(parsing: .singleValue, help: ArgumentHelp("Take a file from another revision.", valueName: "path@rev"))
    var with: [String] = []
    @Option(
        name: [.customShort("j", allowingJoined: true), .long],
        help: ArgumentHelp("Revisions at a time.", valueName: "n")) var jobs = 1
    @Option(help: ArgumentHelp("Where stages run, as with 'repro': local or slurm.", valueName: "name"))
    var executor: String?
    @Flag(help: "Print JSON: {version, results}.") var json = false
    @Flag(help: "Print CSV.") var csv = false
    @Flag(help: "Print a Markdown table.") var md = false
    @OptionGroup var common: CommonOptions

    func validate() throws { if jobs < 1 { throw ValidationError("--jobs must be at least 1") } }

    func run() throws {
        let session = try RunSession(common)
        var seen: Set<GitID> = []
        let ids = try revisions.flatMap { revision in
            try revision.contains("..")
                ? session.repository.commitIDs(revision) : [session.repository.commit(revision).id]
        }.filter { seen.insert($0).inserted }
        let commits = try ids.map { try session.repository.commit($0.hex) }
        let worker = try RevisionRun(
            session.runs, program: Executable.sibling("git-mlrun"), stages: stage, with: with.map { try .init($0) },
            arguments: executor.map { ["--executor", $0] } ?? [])
        let ui = session.ui
        let outcomes = try parallelMap(count: commits.count, workers: jobs) { index in
            let outcome = try worker.run(commits[index])
            let name = commits[index].id.short
            if let failure = outcome.failure {
                ui.warning("\(name) failed:\n\(failure)")
            } else {
                ui.status("\(name)  \(outcome.wasKnown ? "known from records" : "ran")")
            }
            return outcome
        }
        show(outcomes, ui)
        let failures = outcomes.filter { $0.failure != nil }
        if !failures.isEmpty {
            throw MLError(
                .failed,
                "\(Quantity.count(failures.count, "revision")) failed: "
                    + failures.map(\.commit.id.short).joined(separator: ", "))
        }
    }

    private func show(_ outcomes: [RevisionRun.Outcome], _ ui: UserInterface) {
        if json {
            let results = outcomes.map { outcome -> JSON in
                [
                    "commit": .string(outcome.commit.id.hex), "known": .bool(outcome.wasKnown),
                    "metrics": .object(outcome.metrics),
                    "error": outcome.failure.map { .string($0) } ?? .null,
                ]
            }
            return ui.write(JSON.object(["version": 1, "results": .array(results)]).pretty())
        }
        let values = outcomes.map { MetricNames.joined($0.metrics) }
        var seen: Set<String> = []
        let names = values.flatMap(\.keys).filter { seen.insert($0).inserted }
        var view = TableView(columns: [.text("Commit")] + names.map { .metric($0) } + [.text("Subject")])
        for (outcome, values) in zip(outcomes, values) {
            let commit = csv ? outcome.commit.id.hex : outcome.commit.id.short
            view.rows.append(
                [commit] + names.map { TableView.spell(values[$0], rounded: !csv) } + [outcome.commit.subject])
        }
        view.show(csv ? .csv : md ? .markdown : .terminal, ui)
    }
}
