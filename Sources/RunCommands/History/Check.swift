import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import Reports
import RunKit

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Exit 1 when a metric is not good enough.",
        discussion: """
            Without a metric: the gates that stages declare under meta.mlrun.gates. The hook before a push checks those too.

            Examples:
              git mlrun check accuracy --min 0.9
              git mlrun check accuracy --max-decrease 0.01 origin/main
              git mlrun check
            """)

    @Argument(help: "A metric.") var metric: String?
    @Argument(help: ArgumentHelp("What to compare with (default: the commit before).", valueName: "base")) var base:
        String?
    @Option(help: ArgumentHelp("The least value.", valueName: "x")) var min: Double?
    @Option(help: ArgumentHelp("The largest value.", valueName: "x")) var max: Double?
    @Option(help: ArgumentHelp("How much less than in the base it may be.", valueName: "x")) var maxDecrease: Double?
    @Option(help: ArgumentHelp("How much more than in the base it may be.", valueName: "x")) var maxIncrease: Double?
    @Option(help: ArgumentHelp("The commit to judge (default: HEAD).", valueName: "rev")) var rev = "HEAD"
    @Flag(help: "Print JSON: {version, ok, results}.") var json = false
    @OptionGroup var common: CommonOptions

    private var check: MetricCheck {
        MetricCheck(minimum: min, maximum: max, maximumDecrease: maxDecrease, maximumIncrease: maxIncrease)
    }

    func validate() throws {
        let hasLimit = min != nil || max != nil || maxDecrease != nil || maxIncrease != nil
        if metric != nil && !hasLimit {
            throw ValidationError("give a limit: --min, --max, --max-decrease or --max-increase")
        }
        if metric == nil && hasLimit { throw ValidationError("a limit needs a metric") }
    }

    func run() throws {
        let session = try RunSession(common)
        let commit = try session.repository.commit(rev)
        let gates = try metric.map { [MetricGate(metric: $0, check: check)] } ?? session.runs.gates(of: commit)
        if gates.isEmpty {
            throw MLError(
                .notFound, "'\(rev)' declares no gates",
                hint: "name a metric and a limit, or write them under meta.mlrun.gates of a stage")
        }
        let results = try GateKeeper(session).judge(commit, gates, base: base)
        let violations = results.flatMap(\.violations)
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "ok": .bool(violations.isEmpty), "commit": .string(commit.id.hex),
                    "results": .array(results.map(\.json)),
                ]).pretty())
        } else {
            for result in results {
                if result.violations.isEmpty {
                    session.ui.summary("ok: \(result.metric) is \(TableView.spell(result.value, rounded: false))")
                }
                for violation in result.violations { session.ui.print("not met: \(violation)") }
            }
        }
        if !violations.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}

/// Judges commits by gates.
struct GateKeeper {
    struct Result {
        var metric: String
        var value: JSON?
        var base: JSON?
        var violations: [String]

        var json: JSON {
            [
                "metric": .string(metric), "value": value ?? .null, "base": base ?? .null,
                "violations": JSON(violations),
            ]
        }
    }

    private let session: RunSession

    init(_ session: RunSession) { self.session = session }

    /// - Parameter base: what differences are taken against; the first parent when nil.
    func judge(_ commit: Commit, _ gates: [MetricGate], base: String?) throws -> [Result] {
        let reader = HistoryReader(session)
        let entry = try reader.entry(commit.id)
        var before: HistoryEntry?
        if let base {
            before = try reader.entry(session.repository.commit(base).id)
        } else if gates.contains(where: { $0.check.needsBase }), let parent = commit.parents.first {
            before = try reader.entry(parent)
        }
        return gates.map { gate in
            let value = entry.value(gate.metric)
            let old = gate.check.needsBase ? before?.value(gate.metric) : nil
            return Result(
                metric: gate.metric, value: value, base: old,
                violations: gate.check.violations(gate.metric, value: value?.doubleValue, base: old?.doubleValue))
        }
    }
}
