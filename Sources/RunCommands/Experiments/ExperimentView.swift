import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

/// Experiments below the commits they began from, as DVC's `exp show` lays them out.
struct ExperimentView {
    private struct Row {
        var name: String
        var revision: String
        var kind: String
        var created: Timestamp?
        var state: String
        var entry: HistoryEntry
        var drawing: String
    }

    private struct Base {
        var row: Row
        var snapshot: Snapshot
        var experiments: [Experiment]
    }

    private var rows: [Row] = []
    private var bases: [Base] = []
    private var table: HistoryTable
    private let hasStates: Bool

    init(_ experiments: [Experiment], _ session: RunSession, onlyChanged: Bool, hasWorkTree: Bool = true) throws {
        let names = try ExperimentView.baseNames(session)
        let reader = HistoryReader(session)
        hasStates = experiments.contains { $0.state != .done }
        if hasWorkTree, session.repository.workTree != nil {
            let snapshot = try session.runs.snapshotOfWorkTree()
            let entry = HistoryEntry(
                commit: "", tree: "", subject: "", date: Timestamp.now(), metrics: MetricNames.joined(snapshot.metrics),
                params: MetricNames.joined(snapshot.params))
            rows.append(
                Row(name: "", revision: "workspace", kind: "baseline", state: "", entry: entry, drawing: "workspace"))
            bases.append(Base(row: rows[0], snapshot: snapshot, experiments: []))
        }
        var ids = try session.repository.head().map { [$0.id] } ?? []
        var seen = Set(ids)
        for experiment in experiments where seen.insert(experiment.base).inserted { ids.append(experiment.base) }
        let grouped = Dictionary(grouping: experiments, by: \.base)
        for id in ids {
            let (entry, snapshot) = try reader.read(id)
            let name = names[id] ?? id.short
            let base = Row(
                name: "", revision: name, kind: "baseline", created: entry.date, state: "", entry: entry, drawing: name)
            rows.append(base)
            let below = grouped[id] ?? []
            bases.append(Base(row: base, snapshot: snapshot, experiments: below))
            for (index, experiment) in below.enumerated() {
                let isLast = index == below.count - 1
                let short = experiment.commit?.id.short ?? ""
                rows.append(
                    Row(
                        name: experiment.name, revision: short, kind: isLast ? "branch_base" : "branch_commit",
                        created: experiment.commit?.time,
                        state: experiment.state == .done ? "" : experiment.state.rawValue.capitalisedFirst,
                        entry: experiment.entry, drawing: "\(isLast ? "└──" : "├──") \(short) [\(experiment.name)]"))
            }
        }
        table = HistoryTable(rows.map(\.entry), onlyChanged: onlyChanged)
        if !onlyChanged {
            var known: Set<String> = []
            table.paramColumns = rows.flatMap(\.entry.params.keys).filter { known.insert($0).inserted }
        }
    }

    /// Names of branches, else tags, by commit.
    static func baseNames(_ session: RunSession) throws -> [GitID: String] {
        var result: [GitID: String] = [:]
        for prefix in ["refs/tags/", "refs/heads/"] {
            for name in try session.repository.references(matching: prefix + "*") {
                guard let commit = try? session.repository.commit(name) else { continue }
                result[commit.id] = String(name.dropFirst(prefix.count))
            }
        }
        if let branch = session.repository.currentBranch(), let head = try session.repository.head() {
            result[head.id] = branch
        }
        return result
    }

    func table(precision: Int) -> TableView {
        var view = TableView(
            columns: [.text("Experiment"), .text("Created")] + (hasStates ? [.text("State")] : [])
                + table.metricColumns.map { .metric($0) } + table.paramColumns.map { .metric($0) })
        for row in rows {
            view.rows.append(
                [
                    row.drawing,
                    row.created.map { String($0.description.prefix(16).map { $0 == "T" ? " " : $0 }) } ?? "-",
                ]
                    + (hasStates ? [row.state.isEmpty ? "-" : row.state] : [])
                    + table.metricColumns.map { ValueText.spell(row.entry.metrics[$0], precision: precision) }
                    + table.paramColumns.map { ValueText.spell(row.entry.params[$0], precision: precision) })
        }
        return view
    }

    /// DVC's columns; missing values are empty.
    func csv() -> String {
        var plain = PlainTable(
            ["Experiment", "rev", "typ", "Created", "parent"] + (hasStates ? ["State"] : []) + table.metricColumns
                + table.paramColumns)
        func spell(_ value: JSON?) -> String { value == nil ? "" : ValueText.spell(value, precision: nil) }
        for row in rows {
            plain.rows.append(
                [row.name, row.revision, row.kind, row.created.map { String($0.description.dropLast()) } ?? "", ""]
                    + (hasStates ? [row.state] : []) + table.metricColumns.map { spell(row.entry.metrics[$0]) }
                    + table.paramColumns.map { spell(row.entry.params[$0]) })
        }
        return plain.csv()
    }

    /// DVC's shape: `[{rev, name, data: {rev, timestamp, params, metrics, …}, error, experiments: […]}]`.
    func json() -> JSON {
        .array(
            bases.map { base in
                let isWorkTree = base.row.revision == "workspace"
                let revision = isWorkTree ? "workspace" : base.row.entry.commit
                let experiments = base.experiments.map { experiment -> JSON in
                    let hash = experiment.commit?.id.hex ?? ""
                    let data = data(hash, experiment.commit?.time, experiment.params, experiment.metrics)
                    let state = JSON.object(["state": .string(experiment.state.rawValue)])
                    return [
                        "revs": [
                            [
                                "rev": .string(hash), "name": .string(experiment.name), "data": data, "error": .null,
                                "experiments": .null,
                            ]
                        ], "executor": experiment.state == .done ? .null : state, "name": .string(experiment.name),
                    ]
                }
                return [
                    "rev": .string(revision), "name": isWorkTree ? .null : .string(base.row.revision),
                    "data": data(revision, base.row.created, base.snapshot.params, base.snapshot.metrics),
                    "error": .null,
                    "experiments": experiments.isEmpty ? .null : .array(experiments),
                ]
            })
    }

    private func data(_ revision: String, _ time: Timestamp?, _ params: JSONObject, _ metrics: JSONObject) -> JSON {
        func files(_ values: JSONObject) -> JSON {
            .object(JSONObject(values.pairs.map { ($0.key, ["data": ExperimentView.nested($0.value)]) }))
        }
        return [
            "rev": .string(revision), "timestamp": time.map { .string(String($0.description.dropLast())) } ?? .null,
            "params": files(params), "metrics": files(metrics), "deps": [:], "outs": [:], "meta": [:],
        ]
    }

    /// Dotted keys as mappings again.
    private static func nested(_ value: JSON) -> JSON {
        var result = JSONObject()
        for (key, leaf) in value.objectValue?.pairs ?? [] {
            result = insert(key.split(separator: ".").map(String.init)[...], leaf, result)
        }
        return .object(result)
    }

    private static func insert(_ path: ArraySlice<String>, _ leaf: JSON, _ object: JSONObject) -> JSONObject {
        var object = object
        guard let first = path.first else { return object }
        if path.count == 1 {
            object[first] = leaf
        } else {
            object[first] = .object(insert(path.dropFirst(), leaf, object[first]?.objectValue ?? [:]))
        }
        return object
    }
}

extension String {
    fileprivate var capitalisedFirst: String { prefix(1).uppercased() + dropFirst() }
}
