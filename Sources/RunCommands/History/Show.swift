import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the runs behind a commit: stages, metrics, params, durations.")

    @Argument(help: ArgumentHelp("A revision.", valueName: "rev")) var revision = "HEAD"
    @Flag(help: "Print JSON: the records as they are.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let commit = try session.repository.commit(revision)
        let snapshot = try session.runs.snapshot(of: commit)
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "commit": .string(commit.id.hex), "tree": .string(commit.tree.hex),
                    "params": .object(snapshot.params), "metrics": .object(snapshot.metrics),
                    "runs": .array(snapshot.claims.map { $0.record.json }),
                ]).pretty())
            return
        }
        session.ui.print(
            "commit \(commit.id.hex)\nAuthor: \(commit.author)\nDate:   \(commit.time)\n\n    \(commit.subject)\n")
        if let problem = snapshot.problem { session.ui.warning(problem.message) }
        if snapshot.claims.isEmpty {
            session.ui.print("No recorded run made what is in this commit.")
            return
        }
        var runs = TableView(columns: [
            .text("Stage"), .number("Duration"), .number("CPU"), .number("Peak memory"), .text("Run"), .text("When"),
        ])
        for claim in snapshot.claims {
            let record = claim.record
            runs.rows.append([
                record.stage, Quantity.duration(record.duration), Quantity.duration(record.processorTime),
                Quantity.bytes(record.peakMemory), record.key.short, record.time.description,
            ])
        }
        runs.show(.terminal, session.ui)
        for (title, values) in [("Metric", snapshot.metrics), ("Param", snapshot.params)] where !values.isEmpty {
            session.ui.print("")
            var view = TableView(columns: [.text("Path"), .text(title), .number("Value")])
            for (file, keys) in values.pairs {
                for (key, value) in keys.objectValue?.pairs ?? [] {
                    view.rows.append([file, key, TableView.spell(value)])
                }
            }
            view.show(.terminal, session.ui)
        }
    }
}
