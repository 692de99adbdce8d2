import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

/// Several experiments that begin from the same files.
struct Campaign: Sendable {
    let ui: UserInterface
    let runner: ExperimentRunner
    let store: ExperimentStore
    let base: GitID
    let tree: GitID
    let ranges: [ParamRange]
    let arguments: [String]
    let name: String?
    let force: Bool
    let jobs: Int
    var summary: String?
    var copies: [String] = []

    /// What `repro --dry` says of each point.
    func plan(_ points: [ParamPoint]) throws {
        for (index, point) in points.enumerated() {
            if points.count > 1 { ui.status("Point \(index + 1) of \(points.count):") }
            try ui.write(runner.plan(request(point, number: index, of: points.count)))
        }
    }

    func enqueue(_ points: [ParamPoint]) throws -> [Experiment] {
        try points.enumerated().map { try runner.enqueue(request($1, number: $0, of: points.count)) }
    }

    func run(_ points: [ParamPoint], goal: Goal?) throws -> [Experiment] {
        let finished = Finished()
        return try parallelMap(count: points.count, workers: jobs) { index in
            try run(points[index], number: index, of: points.count, goal, finished)
        }
    }

    /// Tries points one batch after the other, a batch as large as there are jobs.
    func search(_ learns: Bool, trials: Int, seed: UInt64, goal: Goal, queue: Bool) throws -> [Experiment] {
        let search = TPESearch(ranges, seed: seed)
        if queue { return try enqueue((0..<trials).map { search.random($0) }) }
        let finished = Finished()
        var results: [Experiment] = []
        var history: [TPESearch.Trial] = []
        while results.count < trials {
            let first = results.count
            let known = history
            let batch = try parallelMap(count: min(jobs, trials - first), workers: jobs) { offset in
                let number = first + offset
                let point = learns ? search.propose(number, known) : search.random(number)
                return try (point, run(point, number: number, of: trials, goal, finished))
            }
            for (point, experiment) in batch {
                results.append(experiment)
                if experiment.state == .done, let loss = goal.loss(experiment) {
                    history.append(TPESearch.Trial(point: point, loss: loss))
                }
            }
        }
        let best = results.filter { $0.state == .done && goal.loss($0) != nil }
            .min { (goal.loss($0) ?? 0) < (goal.loss($1) ?? 0) }
        if let best {
            ui.summary("Best: '\(best.name)' with \(goal.metric)=\(TableView.spell(best.entry.value(goal.metric))).")
        } else if !goal.metric.isEmpty {
            ui.warning("no experiment has the metric '\(goal.metric)'")
        }
        return results
    }

    private func run(
        _ point: ParamPoint, number: Int, of count: Int, _ goal: Goal?, _ finished: Finished
    ) throws -> Experiment {
        let request = request(point, number: number, of: count)
        ui.status("Reproducing experiment '\(request.name)'")
        var watch: ((RecordedValues) -> Bool)?
        if let goal, goal.medianStop {
            watch = { values in MedianStop(finished.series).stops(goal.losses(values.steps)) }
        }
        let result = try runner.run(request, watch: watch)
        if let goal, result.state == .done { finished.add(goal.losses(result.steps)) }
        Campaign.report(result, ui)
        return result
    }

    private func request(_ point: ParamPoint, number: Int, of count: Int) -> ExperimentRunner.Request {
        let name = name.map { count == 1 ? $0 : "\($0)-\(number + 1)" } ?? store.freeName()
        var request = ExperimentRunner.Request(
            name: name, base: base, tree: tree, ranges: ranges, point: point, arguments: arguments)
        request.replacing = force
        request.summary = summary
        request.copies = copies
        return request
    }

    static func report(_ experiment: Experiment, _ ui: UserInterface) {
        let metrics = MetricNames.joined(experiment.metrics).pairs.prefix(6).map {
            "\($0.key)=\(TableView.spell($0.value))"
        }
        let state = experiment.state == .done ? "ran" : experiment.state.rawValue
        ui.status(
            "Experiment '\(experiment.name)' \(state) in \(Quantity.duration(experiment.duration))"
                + (metrics.isEmpty ? "" : ": " + metrics.joined(separator: " ")))
    }
}

/// Losses by step of trials that ended well.
private final class Finished: @unchecked Sendable {
    private let mutex = Mutex()
    private var all: [[(step: Int64, loss: Double)]] = []

    var series: [[(step: Int64, loss: Double)]] { mutex.withLock { all } }

    func add(_ losses: [(step: Int64, loss: Double)]) { mutex.withLock { all.append(losses) } }
}
