import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the runs behind a commit: stages, metrics, params, durations.")

    @Argument(help: ArgumentHelp("A revision.", valueName: "rev")) var revision = "HEAD"
    @Option(help: ArgumentHelp("Print what the commands of a stage said.", valueName: "stage")) var log: String?
    @Option(help: ArgumentHelp("Draw a metric by its steps.", valueName: "metric")) var plot: String?
    @Flag(help: "Print JSON: the records as they are.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let commit = try session.repository.commit(revision)
        let snapshot = try session.runs.snapshot(of: commit)
        if let log { return try write(logOf: log, snapshot, session) }
        if let plot { return try draw(plot, snapshot, session.ui) }
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "commit": .string(commit.id.hex), "tree": .string(commit.tree.hex),
                    "params": .object(snapshot.params), "metrics": .object(snapshot.metrics),
                    "runs": .array(snapshot.runs.map(\.json)),
                ]).pretty())
            return
        }
        session.ui.print(
            "commit \(commit.id.hex)\nAuthor: \(commit.author)\nDate:   \(commit.time)\n\n    \(commit.subject)\n")
        if let problem = snapshot.problem { session.ui.warning(problem.message) }
        if snapshot.runs.isEmpty {
            session.ui.print("No recorded run made what is in this commit.")
            return
        }
        runs(snapshot).show(.terminal, session.ui)
        for (title, values) in [("Metric", snapshot.metrics), ("Param", snapshot.params)] where !values.isEmpty {
            session.ui.print("")
            var view = TableView(columns: [.text("Path"), .text(title), .number("Value")])
            for (file, keys) in values.pairs {
                for (key, value) in keys.objectValue?.pairs ?? [] {
                    view.rows.append([file.isEmpty ? "-" : file, key, TableView.spell(value)])
                }
            }
            view.show(.terminal, session.ui)
        }
    }

    private func runs(_ snapshot: Snapshot) -> TableView {
        var view = TableView(columns: [
            .text("Stage"), .number("Duration"), .number("CPU"), .number("Peak memory"), .text("Host"), .text("Run"),
            .text("When"), .text("Tree"),
        ])
        for record in snapshot.runs {
            let isRun = !record.commands.isEmpty
            view.rows.append([
                record.stage, isRun ? Quantity.duration(record.duration) : "-",
                isRun ? Quantity.duration(record.processorTime) : "-", isRun ? Quantity.bytes(record.peakMemory) : "-",
                record.context.host ?? "-", record.key.short, record.time.description,
                record.context.isDirty ? "dirty" : "clean",
            ])
        }
        return view
    }

    private func write(logOf stage: String, _ snapshot: Snapshot, _ session: RunSession) throws {
        guard let record = snapshot.runs.first(where: { $0.stage == stage }) else {
            throw MLError(
                .notFound, "no run of the stage '\(stage)' made what is in '\(revision)'",
                hints: NearestName.hints(stage, in: snapshot.runs.map(\.stage)))
        }
        guard let id = record.log else { return session.ui.status("The commands of '\(stage)' said nothing.") }
        guard let text = try session.runs.records.log(id) else {
            throw MLError(.missingObject, "the log of '\(stage)' is not here", hint: "run 'git mlrun fetch'")
        }
        try session.ui.write(text)
    }

    private func draw(_ metric: String, _ snapshot: Snapshot, _ ui: UserInterface) throws {
        guard let series = snapshot.runs.lazy.compactMap({ $0.steps[metric]?.arrayValue }).first else {
            throw MLError(
                .notFound, "'\(revision)' has no steps of the metric '\(metric)'",
                hints: NearestName.hints(metric, in: snapshot.runs.flatMap(\.steps.keys)))
        }
        let values = series.map { $0.arrayValue?.last?.doubleValue }
        ui.write(TerminalChart(title: metric, values: values).terminal(width: ui.terminal.width))
    }
}
