import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct Best: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "best",
        abstract: "Print the commit with the best value of a metric.",
        discussion: """
            The commit comes first on the line, so that scripts can cut it off.

            Examples:
              git mlrun best accuracy --max
              git checkout $(git mlrun best loss --min main~50..main | cut -d' ' -f1)
            """)

    @Argument(help: "A metric.") var metric: String
    @Argument(help: ArgumentHelp("Commits (default: HEAD and all before).", valueName: "range")) var range = "HEAD"
    @Flag(help: "The largest value (the default).") var max = false
    @Flag(help: "The smallest value.") var min = false
    @Flag(help: "Among experiments too.") var experiments = false
    @Flag(help: "Print JSON: {version, commit, value, …}.") var json = false
    @OptionGroup var common: CommonOptions

    func validate() throws { if max && min { throw ValidationError("--max and --min exclude each other") } }

    func run() throws {
        let session = try RunSession(common)
        var entries = try HistoryReader(session).entries(session.repository.commitIDs(range))
        if experiments { entries += try session.runs.experiments.list().map(\.entry) }
        guard let best = HistoryTable(entries).best(metric, wantsMaximum: !min), let value = best.value(metric) else {
            let names = Set(entries.flatMap(\.metrics.keys)).sorted()
            throw MLError(
                .negative, "no commit of '\(range)' has the metric '\(metric)'",
                hints: NearestName.hints(metric, in: names))
        }
        if json {
            var document: JSONObject = ["version": 1, "value": value]
            for (key, value) in best.json.objectValue?.pairs ?? [] { document[key] = value }
            return session.ui.write(JSON.object(document).pretty())
        }
        session.ui.print("\(best.commit) \(TableView.spell(value, rounded: false)) \(best.subject)")
    }
}
