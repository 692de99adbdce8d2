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
        abstract: "Show what changed in params, metrics and data between two revisions.",
        discussion:
            "Without revisions: HEAD against the work tree. With one: that revision against the work tree's HEAD.")

    @Argument(help: ArgumentHelp("A revision.", valueName: "a")) var first: String?
    @Argument(
        help: ArgumentHelp(
            "Another revision (default: HEAD when the first is given, else the work tree).", valueName: "b"))
    var second: String?
    @Flag(help: "Print JSON: {params, metrics, data}.") var json = false
    @Flag(help: "Print Markdown tables.") var md = false
    @Flag(help: "Exit 1 when there are differences.") var exitCode = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let old = try Side(revision: first ?? "HEAD", session)
        let new = try first == nil ? Side(workTree: session) : Side(revision: second ?? "HEAD", session)
        let diff = RevisionDiff(
            params: ValueDiff(old: old.snapshot.params, new: new.snapshot.params),
            metrics: ValueDiff(old: old.snapshot.metrics, new: new.snapshot.metrics),
            data: DataDiff(old: old.data, new: new.data))
        if json {
            session.ui.write(diff.json.pretty())
        } else {
            show(diff, old.name, new.name, session.ui)
        }
        if exitCode && !diff.isEmpty { throw ExitCode(ExitStatus.negative) }
    }

    private func show(_ diff: RevisionDiff, _ old: String, _ new: String, _ ui: UserInterface) {
        let format: TableFormat = md ? .markdown : .terminal
        var parts = 0
        func part(_ view: TableView) {
            if view.rows.isEmpty { return }
            if parts > 0 { ui.print("") }
            parts += 1
            view.show(format, ui)
        }
        part(DiffView.view(diff.params, "Param", old, new, hasChange: false))
        part(DiffView.view(diff.metrics, "Metric", old, new, hasChange: true))
        var data = TableView(columns: [.text("Data"), .text("Change"), .number(old), .number(new)])
        for row in diff.data.rows {
            let size = { (content: DataDiff.Content?) in content.map { Quantity.bytes($0.size) } ?? "-" }
            let path = row.oldPath.map { "\($0) -> \(row.path)" } ?? row.path
            data.rows.append([path, row.change.rawValue, size(row.old), size(row.new)])
        }
        part(data)
        if parts == 0 { ui.status("No differences between \(old) and \(new).") }
    }
}

/// Rows of a params or metrics diff as DVC prints them.
enum DiffView {
    static func view(
        _ diff: ValueDiff, _ title: String, _ old: String, _ new: String, hasChange: Bool, showsPath: Bool = true
    ) -> TableView {
        var view = TableView(columns: (showsPath ? [.text("Path")] : []) + [.text(title), .number(old), .number(new)])
        if hasChange { view.columns.append(.number("Change")) }
        for row in diff.rows {
            view.rows.append(
                (showsPath ? [row.file] : []) + [row.key, TableView.spell(row.old), TableView.spell(row.new)]
                    + (hasChange ? [TableView.spell(row.change)] : []))
        }
        return view
    }
}

/// One side of a comparison.
private struct Side {
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
