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
        commandName: "log",
        abstract: "Show the history as a table of experiments.",
        discussion: """
            One row a commit: metrics of the runs whose outputs are in its tree and what was recorded for it, params that
            are not the same in all rows, how long the runs took and who made the commit.

            Examples:
              git mlrun log
              git mlrun log main..HEAD --sort imdb.test.accuracy
              git mlrun log --filter 'accuracy>0.8 && lr<0.1' -n 20
              git mlrun log --branches --only-changed
              git mlrun log --plot accuracy
            """)

    @Argument(help: ArgumentHelp("Commits, as with git log (default: HEAD).", valueName: "range")) var range = "HEAD"
    @Option(name: .customShort("n", allowingJoined: true), help: ArgumentHelp("At most so many rows.", valueName: "n"))
    var limit: Int?
    @Flag(help: "One row a branch: its newest commit.") var branches = false
    @Flag(help: "One row a tag.") var tags = false
    @Flag(help: "Commits of all branches and tags.") var all = false
    @Option(help: ArgumentHelp("Sort by a metric or param, best to read: highest first.", valueName: "name")) var sort:
        String?
    @Option(help: ArgumentHelp("With --sort: asc or desc.", valueName: "order")) var sortOrder: SortOrder = .desc
    @Option(
        help: ArgumentHelp(
            "Only commits where this holds: names, numbers, < <= > >= == != ~, && || ! and brackets.",
            valueName: "expression")) var filter: String?
    @Flag(help: "On a terminal, show params that are the same everywhere too (CSV, Markdown and JSON have them).")
    var params = false
    @Flag(help: "Only commits with metrics, and only columns that change.") var onlyChanged = false
    @Flag(help: "Draw the graph of commits beside the table.") var graph = false
    @Option(help: ArgumentHelp("Draw a metric from the oldest commit to the newest.", valueName: "metric")) var plot:
        String?
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print CSV.") var csv = false
    @Flag(help: "Print a Markdown table.") var md = false
    @OptionGroup var common: CommonOptions

    enum SortOrder: String, ExpressibleByArgument, CaseIterable { case asc, desc }

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("-n must not be negative") }
        if graph && (sort != nil || branches || tags) {
            throw ValidationError("--graph shows commits in their own order: not with --sort, --branches or --tags")
        }
    }

    func run() throws {
        let session = try RunSession(common)
        let filter = try filter.map { try FilterExpression($0) }
        let reader = HistoryReader(session)
        var lanes = Lanes()
        let ids: [GitID]
        if graph {
            lanes = try Lanes(range: all ? nil : range, limit: filter == nil ? limit : nil, session.repository)
            ids = lanes.commits
        } else {
            ids = try commits(session, hasFilter: filter != nil)
        }
        var entries: [HistoryEntry] = []
        for (number, id) in ids.enumerated() {
            if let limit, entries.count >= limit { break }
            let entry = try reader.entry(id)
            if onlyChanged && entry.metrics.isEmpty { continue }
            if filter?.matches({ entry.value($0) }) == false { continue }
            entries.append(entry)
            session.ui.progress.report("Reading history", completed: number + 1, total: ids.count, detail: id.short)
        }
        for (id, problem) in reader.problems { session.ui.warning("\(id.short): \(problem.message)") }
        var table = HistoryTable(entries, onlyChanged: onlyChanged)
        if let sort {
            if !entries.isEmpty, entries.allSatisfy({ $0.value(sort) == nil }) {
                session.ui.warning("no commit has '\(sort)'")
            }
            table.entries = table.sorted(by: sort, descending: sortOrder == .desc)
        }
        if json { return session.ui.write(JSON.array(table.entries.map(\.json)).pretty()) }
        if let plot { return try draw(plot, table, session.ui) }
        let format: TableFormat = csv ? .csv : md ? .markdown : .terminal
        HistoryView(table: table, format: format, allParams: params, lanes: graph ? lanes : nil).view().show(
            format, session.ui)
    }

    private func commits(_ session: RunSession, hasFilter: Bool) throws -> [GitID] {
        if branches || tags {
            var seen: Set<GitID> = []
            let names =
                try (branches ? session.repository.references(matching: "refs/heads/*") : [])
                + (tags ? session.repository.references(matching: "refs/tags/*") : [])
            return try names.map { try session.repository.commit($0) }.sorted { $0.time > $1.time }.map(\.id)
                .filter { seen.insert($0).inserted }
        }
        if all {
            let ids = try session.repository.git.run(["rev-list", "--branches", "--tags", "HEAD", "--"])
            return ids.text.split(separator: "\n").compactMap { GitID($0) }
        }
        return try session.repository.commitIDs(range, limit: hasFilter || onlyChanged ? nil : limit)
    }

    private func draw(_ metric: String, _ table: HistoryTable, _ ui: UserInterface) throws {
        let values = table.entries.reversed().map { $0.value(metric)?.doubleValue }
        guard values.contains(where: { $0 != nil }) else {
            let names = Set(table.entries.flatMap { $0.metrics.keys + $0.params.keys }).sorted()
            throw MLError(
                .notFound, "no commit has the metric '\(metric)'", hints: NearestName.hints(metric, in: names))
        }
        ui.write(TerminalChart(title: metric, values: Array(values)).terminal(width: ui.terminal.width))
    }
}
