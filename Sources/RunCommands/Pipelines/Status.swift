import ArgumentParser
import Base
import CommandKit
import Pipelines
import RunKit

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show which stages are stale, and why.", discussion: "Prints what 'repro' would run; nothing runs.")

    @Argument(help: ArgumentHelp("Stages or outputs.", valueName: "target")) var targets: [String] = []
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Exit 1 when something is stale.") var exitCode = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let cache = session.runs.statCache()
        defer { cache.save() }
        let content = try session.runs.workTreeContent(cache)
        let project = try session.runs.project(content)
        var options = ReproOptions()
        options.targets = targets
        options.folder = session.folder
        options.allPipelines = targets.isEmpty
        let variables = processEnvironment()
        let plans = try Planner(lookup: session.runs.records, environment: { variables[$0] })
            .plan(project.graph, order: options.order(in: project.graph), content: content)
        let stale = plans.filter { plan in
            switch plan.state {
            case .unchanged, .frozen: false
            default: true
            }
        }
        if json {
            let entries = stale.map { ($0.stage.address, JSON($0.reasons.map(\.description))) }
            session.ui.write(JSON.object(JSONObject(entries)).pretty())
        } else if stale.isEmpty {
            session.ui.print("Data and pipelines are up to date.")
        } else {
            for plan in stale {
                session.ui.print("\(plan.stage.address):")
                for reason in plan.reasons { session.ui.print("\t\(reason.description)") }
                if case .cached = plan.state {
                    session.ui.print("\tan earlier run has these outputs: 'repro' restores them")
                }
            }
        }
        if exitCode && !stale.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}
