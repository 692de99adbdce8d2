import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what changed in params, metrics and data between two revisions.",
        discussion:
            "Without revisions: HEAD against the work tree. With one: that revision against the work tree's HEAD.")

    @Argument(help: ArgumentHelp("A revision.", valueName: "a")) var first: String?
    @Argument(
        help: ArgumentHelp(
            "Another revision (default: HEAD when the first is given, else the work tree).", valueName: "b"))
    var second: String?
    @Flag(help: "Params and metrics that are the same too.") var all = false
    @OptionGroup var output: ValueOutput
    @Flag(help: "Exit 1 when there are differences.") var exitCode = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let old = try DiffSide(revision: first ?? "HEAD", session)
        let new = try first == nil ? DiffSide(workTree: session) : DiffSide(revision: second ?? "HEAD", session)
        let diff = DiffSide.compare(old, new, includesEqual: all)
        if output.json {
            session.ui.write(diff.json.pretty())
        } else {
            show(diff, old.name, new.name, session.ui)
        }
        if exitCode && !diff.isEmpty { throw ExitCode(ExitStatus.negative) }
    }

    private func show(_ diff: RevisionDiff, _ old: String, _ new: String, _ ui: UserInterface) {
        var view = DiffView(title: "Metric", old: old, new: new, hasChange: true, precision: output.decimals)
        var tables = [view.table(diff.metrics)]
        view.title = "Param"
        tables += [view.table(diff.params), diff.dataTable(old, new)]
        let texts = tables.filter { !$0.rows.isEmpty }.map { output.format.text($0) }
        // Markdown tables bring an empty line each.
        ui.write(texts.joined(separator: output.md ? "" : "\n"))
        if texts.isEmpty { ui.status("No differences between \(old) and \(new).") }
    }
}

/// One side of a comparison.
struct DiffSide {
    var name: String
    var snapshot: Snapshot
    var data: [String: DataDiff.Content]

    init(revision: String, _ session: RunSession) throws {
        let commit = try session.repository.commit(revision)
        name = revision
        snapshot = try session.runs.snapshot(of: commit)
        if let problem = snapshot.problem { session.ui.warning("\(revision): \(problem.message)") }
        data = [:]
        for file in try session.data.pointers(inTree: commit.tree) {
            data[file.path] = DataDiff.Content(id: file.pointer.oid, size: file.pointer.size)
        }
    }

    init(workTree session: RunSession) throws {
        name = "workspace"
        snapshot = try session.runs.snapshotOfWorkTree()
        data = [:]
        let cache = session.runs.statCache()
        defer { cache.save() }
        let content = try session.runs.workTreeContent(cache)
        for file in try session.data.pointersInIndex() {
            guard let found = try content.describe(file.path) else { continue }
            data[file.path] = DataDiff.Content(id: found.id, size: found.size)
        }
    }
}

extension DiffSide {
    static func compare(_ old: DiffSide, _ new: DiffSide, includesEqual: Bool = false) -> RevisionDiff {
        RevisionDiff(
            params: ValueDiff(old: old.snapshot.params, new: new.snapshot.params, includesEqual: includesEqual),
            metrics: ValueDiff(old: old.snapshot.metrics, new: new.snapshot.metrics, includesEqual: includesEqual),
            data: DataDiff(old: old.data, new: new.data))
    }
}

extension RevisionDiff {
    /// The data files that differ.
    func dataTable(_ old: String, _ new: String) -> PlainTable {
        var table = PlainTable(["Data", "Change", old, new])
        for row in data.rows {
            let size = { (content: DataDiff.Content?) in content.map { Quantity.bytes($0.size) } ?? "-" }
            let path = row.oldPath.map { "\($0) -> \(row.path)" } ?? row.path
            table.rows.append([path, row.change.rawValue, size(row.old), size(row.new)])
        }
        return table
    }
}
