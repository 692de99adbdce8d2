import ArgumentParser
import Base
import CommandKit
import DataKit
import Remotes

struct RemoteTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Write, read, list and delete a small key on a store.",
        discussion: """
            Says at the first step that fails what is missing: the connection, credentials, the place (bucket, folder) or the
            right to do it. Exits with 1 then.
            """)

    @Flag(help: "Print JSON.") var json = false
    @Argument(help: "The store; without it, the one that a push would use.") var name: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        session.warnOfRefusedSettings()
        let setting =
            try name.map { try session.data.remoteSetting(named: $0) }
            ?? session.data.primaryRemote(gitRemote: nil)
        let url = setting?.url ?? "git::"
        let steps: [RemoteProbe.Step]
        do {
            steps = try session.data.probe(setting)
        } catch let error as MLError {
            // Without credentials some drivers cannot even be made.
            steps = [RemoteProbe.Step(name: "open", failure: error.description, lack: .credentials, hints: error.hints)]
        }
        let failed = steps.last { $0.failure != nil }
        if json {
            let list: [JSON] = steps.map { step in
                var line: JSONObject = ["name": .string(step.name), "ok": .bool(step.failure == nil)]
                if let failure = step.failure { line["message"] = .string(failure) }
                if let lack = step.lack { line["missing"] = .string(lack.rawValue) }
                if !step.hints.isEmpty { line["hints"] = .array(step.hints.map { .string($0) }) }
                return .object(line)
            }
            session.ui.write(
                JSON.object([
                    "version": 1, "remote": setting.map { .string($0.name) } ?? .null, "url": .string(url),
                    "ok": .bool(failed == nil), "steps": .array(list),
                ]).pretty())
        } else {
            for step in steps { session.ui.print("\(step.name): \(step.failure ?? "ok")") }
            if let lack = failed?.lack { session.ui.print("missing: \(RemoteTest.words(lack))") }
            for hint in failed?.hints ?? [] { session.ui.hint(hint) }
        }
        if failed != nil { throw ExitCode(ExitStatus.negative) }
    }

    private static func words(_ lack: RemoteProbe.Lack) -> String {
        switch lack {
        case .connection: "a connection to the server, or space on it"
        case .credentials: "credentials"
        case .place: "the place: bucket, folder or repository"
        case .rights: "the right to do this"
        case .sense: "an answer that makes sense; is this the right kind of store?"
        }
    }
}
