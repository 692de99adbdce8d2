import ArgumentParser
import Base
import CommandKit
import DataKit
import Serving

/// What `git mlrun serve` starts to have replicas of.
struct ServeReplica: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-replica", abstract: "Answer for 'git mlrun serve' (plumbing).", shouldDisplay: false)

    @Option var commit: String?
    @Option var path: String?
    @Option var command: String?
    @Option var timeout = 30.0
    @Option var user: String?
    @OptionGroup var common: CommonOptions

    static func arguments(_ source: ServedModel.Source, user: String?) -> [String] {
        var out = ["git-mlrun", "serve-replica", "--quiet", "--timeout", "\(source.timeout)"]
        for (name, value) in [
            ("commit", source.commit), ("path", source.path), ("command", source.command), ("user", user),
        ] {
            // In one word, so that a value that begins with a dash is one.
            if let value { out.append("--\(name)=\(value)") }
        }
        return out
    }

    func run() throws {
        let ui = try UserInterface(common)
        let source = ServedModel.Source(commit: commit, path: path, command: command, timeout: timeout)
        ReplicaHost.run(opensOnce: command == nil) {
            let model = try ServedModel(source, try? DataRepository(), ui)
            if let user { try Privileges.become(user) }
            return ReplicaHost.Model(
                name: model.name, predictor: model.predictor, reference: model.reference?.json,
                isShareable: model.isShareable, check: model.check)
        }
    }
}
