import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the history as a table of experiments.",
        discussion: """
            One row a commit: metrics of the runs whose outputs are in its tree; with --params the params that differ.

            Examples:
              git mlrun log
              git mlrun log main..HEAD --sort imdb.test.accuracy
              git mlrun log -n 20 --csv
            """)

    @Argument(help: ArgumentHelp("Commits, as with git log (default: HEAD).", valueName: "range")) var range = "HEAD"
    @Option(name: .customShort("n"), help: ArgumentHelp("At most so many commits.", valueName: "n")) var limit: Int?
    @Option(help: ArgumentHelp("Sort by a metric or param, best to read: highest first.", valueName: "name")) var sort:
        String?
    @Flag(help: "On a terminal, show params too (CSV, Markdown and JSON always have them).") var params = false
    @Flag(help: "Only commits with metrics, and only columns that change.") var onlyChanged = false
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print CSV.") var csv = false
    @Flag(help: "Print a Markdown table.") var md = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let commits = try session.repository.log(range, limit: limit)
        let progress = session.ui.progress
        var problems: [(GitID, MLError)] = []
        var entries: [HistoryEntry] = []
        for (number, commit) in commits.enumerated() {
            let snapshot = try session.runs.snapshot(of: commit)
            if let problem = snapshot.problem { problems.append((commit.id, problem)) }
            entries.append(
                HistoryEntry(
                    commit: commit.id.hex, tree: commit.tree.hex, subject: commit.subject, date: commit.time,
                    metrics: MetricNames.joined(snapshot.metrics), params: MetricNames.joined(snapshot.params)))
            progress.report("Reading history", completed: number + 1, total: commits.count, detail: commit.id.short)
        }
        for (id, problem) in problems { session.ui.warning("\(id.short): \(problem.message)") }
        if onlyChanged { entries = entries.filter { !$0.metrics.isEmpty } }
        if json {
            session.ui.write(JSON.array(entries.map(\.json)).pretty())
            return
        }
        var table = HistoryTable(entries, onlyChanged: onlyChanged)
        if let sort { table.entries = table.sorted(by: sort, descending: true) }
        let format: TableFormat = csv ? .csv : md ? .markdown : .terminal
        view(table, format).show(format, session.ui)
    }

    private func view(_ table: HistoryTable, _ format: TableFormat) -> TableView {
        // On a terminal params would push the metrics out of sight; those that never differ always do.
        let params =
            format != .terminal
            ? table.paramColumns
            : self.params
                ? table.paramColumns.filter { name in Set(table.entries.map { $0.params[name] }).count > 1 } : []
        var view = TableView(
            columns: [.text("Commit"), .text("Date")] + table.metricColumns.map { .metric($0) }
                + params.map { .text($0) }
                + [.text("Subject")])
        for entry in table.entries {
            let commit = format == .csv ? entry.commit : String(entry.commit.prefix(7))
            view.rows.append(
                [commit, String(entry.date.description.prefix(10))]
                    + table.metricColumns.map { TableView.spell(entry.metrics[$0], rounded: format != .csv) }
                    + params.map { TableView.spell(entry.params[$0], rounded: format != .csv) } + [entry.subject])
        }
        return view
    }
}
