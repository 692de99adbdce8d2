import ArgumentParser
import Base
import CommandKit
import DataKit

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the set-up of this repository and say how to mend it.",
        discussion: "Exits 1 when something is wrong.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let programs = ["git-mldata", "git-mldata-filter", "git-mlrun", "git-mlexplain"].map {
            ($0, Executable.onPath($0))
        }
        var check = SetupCheck(session.data)
        let results = try check.run(programs: programs)
        if json {
            let list: [JSON] = results.map {
                [
                    "verdict": .string($0.verdict.rawValue), "topic": .string($0.topic), "text": .string($0.text),
                    "fix": $0.fix.map { .string($0) } ?? .null,
                ]
            }
            session.ui.write(JSON.object(["version": 1, "results": .array(list)]).pretty())
        } else {
            let width = results.map { $0.topic.count }.max() ?? 0
            for result in results {
                let topic = result.topic + String(repeating: " ", count: width - result.topic.count)
                let mark = result.verdict.rawValue + String(repeating: " ", count: 7 - result.verdict.rawValue.count)
                session.ui.print("\(mark)  \(topic)  \(result.text)")
                if let fix = result.fix { session.ui.print(String(repeating: " ", count: width + 11) + "fix: " + fix) }
            }
        }
        if results.contains(where: { $0.verdict == .problem }) { throw ExitCode(ExitStatus.negative) }
    }
}
