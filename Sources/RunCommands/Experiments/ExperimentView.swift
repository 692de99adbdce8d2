import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

/// Experiments below the commits they began from, as DVC's `exp show` lays them out.
struct ExperimentView {
    /// Which columns of metrics, params and dependencies are shown.
    struct Columns {
        var onlyChanged = false
        var drop: [ColumnPattern] = []
        /// With `onlyChanged`: shown all the same.
        var keep: [ColumnPattern] = []
        var stageParamsOnly = false

        func choose(_ names: [String], varies: (String) -> Bool) -> [String] {
            names.filter { name in
                if keep.contains(where: { $0.matches(name) }) { return true }
                return !drop.contains { $0.matches(name) } && (!onlyChanged || varies(name))
            }
        }
    }

    private struct Row {
        var name: String
        var revision: String
        var kind: String
        var created: Timestamp?
        var state: String
        var entry: HistoryEntry
        var files: StageFiles
        var drawing: String

        /// What a dependency was.
        func hash(_ path: String) -> JSON? { files.dependencies[path]?["hash"] }
    }

    private struct Base {
        var row: Row
        var snapshot: Snapshot
        var experiments: [Experiment]
    }

    private var rows: [Row] = []
    private var bases: [Base] = []
    private var metrics: [String] = []
    private var params: [String] = []
    private var dependencies: [String] = []
    private let hasStates: Bool

    /// - Parameters:
    ///   - bases: commits to show though no experiment began there; HEAD when nil.
    ///   - hasNames: whether branches and tags name commits.
    ///   - isForPeople: only dependencies that differ are columns then.
    init(
        _ experiments: [Experiment], _ session: RunSession, _ columns: Columns, bases wanted: Set<GitID>? = nil,
        hasWorkTree: Bool = true, hasNames: Bool = true, isForPeople: Bool = true
    ) throws {
        let names = hasNames ? try ExperimentView.baseNames(session) : [:]
        let reader = HistoryReader(session)
        hasStates = experiments.contains { $0.state != .done }
        var stageParams: Set<String> = []
        func takeStageParams(_ values: @autoclosure () throws -> JSONObject) rethrows {
            if columns.stageParamsOnly { stageParams.formUnion(MetricNames.joined(try values()).keys) }
        }
        if hasWorkTree, session.repository.workTree != nil {
            let snapshot = try session.runs.snapshotOfWorkTree()
            let entry = HistoryEntry(
                commit: "", tree: "", subject: "", date: Timestamp.now(), metrics: MetricNames.joined(snapshot.metrics),
                params: MetricNames.joined(snapshot.params))
            rows.append(
                Row(
                    name: "", revision: "workspace", kind: "baseline", state: "", entry: entry,
                    files: try session.runs.stageFilesOfWorkTree(), drawing: "workspace"))
            bases.append(Base(row: rows[0], snapshot: snapshot, experiments: []))
        }
        let head = try session.repository.head().map { [$0.id] } ?? []
        var ids = wanted.map { wanted in head.filter(wanted.contains) } ?? head
        var seen = Set(ids)
        for experiment in experiments where seen.insert(experiment.base).inserted { ids.append(experiment.base) }
        ids += (wanted ?? []).filter { seen.insert($0).inserted }.sorted { $0.hex < $1.hex }
        let grouped = Dictionary(grouping: experiments, by: \.base)
        for id in ids {
            let (entry, snapshot) = try reader.read(id)
            let commit = try session.repository.commit(id.hex)
            try takeStageParams(session.runs.stageParams(of: commit))
            let name = names[id] ?? id.short
            let base = Row(
                name: "", revision: name, kind: "baseline", created: entry.date, state: "", entry: entry,
                files: try session.runs.stageFiles(of: commit), drawing: name)
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
                        entry: experiment.entry, files: experiment.files,
                        drawing: "\(isLast ? "└──" : "├──") \(short) [\(experiment.name)]"))
            }
        }
        choose(columns, stageParams, isForPeople: isForPeople)
    }

    private mutating func choose(_ columns: Columns, _ stageParams: Set<String>, isForPeople: Bool) {
        func names(_ values: (Row) -> [String]) -> [String] {
            var known: Set<String> = []
            return rows.flatMap(values).filter { known.insert($0).inserted }
        }
        // What did not run yet differs in everything.
        let ran = rows.filter { $0.state != "Queued" }
        func varies(_ values: [JSON?]) -> Bool { Set(values).count > 1 }
        metrics = columns.choose(names { $0.entry.metrics.keys }) { name in varies(ran.map { $0.entry.metrics[name] }) }
        params = columns.choose(
            names { $0.entry.params.keys }.filter { !columns.stageParamsOnly || stageParams.contains($0) }
        ) { name in varies(rows.map { $0.entry.params[name] }) }
        let paths = names { $0.files.dependencies.keys }.sorted()
        dependencies = columns.choose(paths) { path in varies(ran.map { $0.hash(path) }) }
        // Names of contents are no reading: where they are all the same they only take room.
        if isForPeople {
            dependencies = dependencies.filter { path in
                columns.keep.contains { $0.matches(path) } || varies(ran.map { $0.hash(path) }.filter { $0 != nil })
            }
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
                + (metrics + params).map { .metric($0) } + dependencies.map { .text($0) })
        for row in rows {
            var cells = [
                row.drawing, row.created.map { String($0.description.prefix(16).map { $0 == "T" ? " " : $0 }) } ?? "-",
            ]
            if hasStates { cells.append(row.state.isEmpty ? "-" : row.state) }
            cells += metrics.map { ValueText.spell(row.entry.metrics[$0], precision: precision) }
            cells += params.map { ValueText.spell(row.entry.params[$0], precision: precision) }
            cells += dependencies.map { row.hash($0)?.stringValue.map { String($0.prefix(7)) } ?? "-" }
            view.rows.append(cells)
        }
        return view
    }

    /// DVC's columns; missing values are empty.
    func csv() -> String {
        var plain = PlainTable(
            ["Experiment", "rev", "typ", "Created", "parent"] + (hasStates ? ["State"] : []) + metrics + params
                + dependencies)
        func spell(_ value: JSON?) -> String { value == nil ? "" : ValueText.spell(value, precision: nil) }
        for row in rows {
            var cells = [
                row.name, row.revision, row.kind, row.created.map { String($0.description.dropLast()) } ?? "", "",
            ]
            if hasStates { cells.append(row.state) }
            cells += metrics.map { spell(row.entry.metrics[$0]) }
            cells += params.map { spell(row.entry.params[$0]) }
            cells += dependencies.map { spell(row.hash($0)) }
            plain.rows.append(cells)
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
                    let data = data(
                        hash, experiment.commit?.time, experiment.params, experiment.metrics, experiment.files)
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
                    "data": data(
                        revision, base.row.created, base.snapshot.params, base.snapshot.metrics, base.row.files),
                    "error": .null,
                    "experiments": experiments.isEmpty ? .null : .array(experiments),
                ]
            })
    }

    private func data(
        _ revision: String, _ time: Timestamp?, _ params: JSONObject, _ metrics: JSONObject, _ stages: StageFiles
    ) -> JSON {
        func files(_ values: JSONObject) -> JSON {
            .object(JSONObject(values.pairs.map { ($0.key, ["data": ExperimentView.nested($0.value)]) }))
        }
        return [
            "rev": .string(revision), "timestamp": time.map { .string(String($0.description.dropLast())) } ?? .null,
            "params": files(params), "metrics": files(metrics),
            "deps": .object(stages.dependencies), "outs": .object(stages.outputs), "meta": [:],
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
