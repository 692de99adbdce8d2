import ArgumentParser
import Base
import CommandKit
import GitKit

/// The moves of a deployment's ref, newest first.
struct DeploymentLog {
    struct Entry {
        var id: String
        var time: Timestamp
        var who: String
        var message: String
    }

    let entries: [Entry]

    /// The commit a rollback goes to. One that was itself rolled back from is passed over.
    var before: String? {
        var stack: [String] = []
        for entry in entries.reversed() {
            if entry.message.hasPrefix("rollback"), let place = stack.lastIndex(of: entry.id) {
                stack.removeSubrange((place + 1)...)
            } else if stack.last != entry.id {
                stack.append(entry.id)
            }
        }
        return stack.count > 1 ? stack[stack.count - 2] : nil
    }

    init(_ repository: Repository, _ reference: String) throws {
        guard repository.reference(reference) != nil else {
            throw MLError(
                .notFound, "there is no ref '\(reference)'", hint: "'git mlrun deploy REV' makes it")
        }
        let text = try repository.git.run([
            "log", "--walk-reflogs", "--format=%H%x00%gd%x00%gn%x00%gs", "--date=unix", reference, "--",
        ]).text
        entries = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4, let open = fields[1].lastIndex(of: "{"),
                let seconds = Int64(fields[1][fields[1].index(after: open)...].dropLast())
            else { return nil }
            return Entry(id: fields[0], time: Timestamp(seconds: seconds), who: fields[2], message: fields[3])
        }
    }
}

struct DeployHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Which commits were deployed, when and by whom, newest first.")

    @OptionGroup var deployment: DeploymentOptions
    @Option(name: .customShort("n"), help: ArgumentHelp("At most so many of them.", valueName: "number"))
    var number: Int?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let number, number < 1 { throw ValidationError("-n must be at least 1") }
    }

    func run() throws {
        let session = try RunSession(common)
        let log = try DeploymentLog(session.repository, deployment.reference)
        let rollouts = try RolloutStore(repository: session.repository, deployment: deployment.reference).log()
        if json {
            let entries = log.entries.prefix(number ?? .max).map { entry -> JSON in
                [
                    "commit": .string(entry.id), "time": .string(entry.time.description), "who": .string(entry.who),
                    "message": .string(entry.message),
                ]
            }
            let others = rollouts.prefix(number ?? .max).map { plan, time, who -> JSON in
                ["time": .string(time.description), "who": .string(who), "rollout": plan.json]
            }
            let out: JSON = [
                "version": 1, "ref": .string(deployment.reference), "deployments": .array(entries),
                "rollouts": .array(others),
            ]
            return session.ui.print(out.compact())
        }
        let moves = log.entries.map { ($0.time, [String($0.id.prefix(10)), $0.time.description, $0.who, $0.message]) }
        let others = rollouts.map { plan, time, who -> (Timestamp, [String]) in
            let words = "\(plan.strategy.rawValue) \(plan.state.rawValue)" + (plan.reason.map { ": \($0)" } ?? "")
            return (time, [String(plan.commit.prefix(10)), time.description, who, words])
        }
        let rows = (moves + others).sorted { $0.0.seconds > $1.0.seconds }.prefix(number ?? .max).map(\.1)
        TableView(columns: ["Commit", "Time", "Who", "What"].map { .text($0) }, rows: rows).show(.terminal, session.ui)
    }
}

struct DeployRollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Go back to the commit that was deployed before.")

    @OptionGroup var deployment: DeploymentOptions
    @Option(help: ArgumentHelp("Seconds to wait for the servers of this repository.", valueName: "s")) var wait = 60
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let store = RolloutStore(repository: session.repository, deployment: deployment.reference)
        if let (_, plan) = try store.read(), plan.state == .running {
            throw MLError(
                .conflict, "a \(plan.strategy.rawValue) of \(plan.commit.prefix(10)) is under way",
                hint: "take it back with 'git mlrun deploy abort'")
        }
        let log = try DeploymentLog(session.repository, deployment.reference)
        guard let id = log.before.flatMap({ GitID($0) }) else {
            throw MLError(
                .notFound, "nothing was deployed to '\(deployment.reference)' before",
                hint: "see 'git mlrun deploy history'")
        }
        try DeploymentMove(repository: session.repository, reference: deployment.reference).run(
            to: id, message: "rollback", wait: wait, session.ui)
    }
}
