import ArgumentParser
import Base
import CommandKit
import GitKit
import Records
import RunKit

struct ExpRerun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun", abstract: "Run experiments again with the same params, on another commit.")
    @Argument(help: ArgumentHelp("Experiments.", valueName: "name")) var names: [String]
    @Option(help: ArgumentHelp("The commit to begin from (default: HEAD).", valueName: "rev")) var onto = "HEAD"
    @Option(name: .shortAndLong, help: ArgumentHelp("The new experiment's name.", valueName: "name")) var name: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Experiments at a time.", valueName: "n")) var jobs = 1
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if name != nil && names.count > 1 { throw ValidationError("--name names one experiment") }
        if jobs < 1 { throw ValidationError("--jobs must be at least 1") }
    }

    func run() throws {
        let session = try RunSession(common)
        let store = session.runs.experiments
        let commit = try session.repository.commit(onto)
        let runner = ExperimentRunner(session.runs, program: Executable.sibling("git-mlrun"), host: hostName())
        let requests = try names.map { try store.find($0) }.map { old -> ExperimentRunner.Request in
            let ranges = try old.assignments.map { try ParamRange($0) }
            let point = ranges.map { range -> JSON in
                if case .choices(let values) = range.values { return values.first ?? .null }
                return .null
            }
            var request = ExperimentRunner.Request(
                name: name ?? store.freeName(), base: commit.id, tree: commit.tree, ranges: ranges, point: point,
                arguments: old.arguments)
            request.summary = old.summary
            request.copies = old.copies
            return request
        }
        let ui = session.ui
        let finished = try parallelMap(count: requests.count, workers: jobs) { index in
            let result = try runner.run(requests[index])
            Campaign.report(result, ui)
            return result
        }
        try ExpRun.summarise(finished, session.ui)
    }
}
