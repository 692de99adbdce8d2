import ArgumentParser
import Base
import CommandKit
import GitKit
import Glibc

struct DeployCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Put a commit before the users of a server that follows a ref, and take it back.",
        usage: "git mlrun deploy <rev> [--to <ref>] | status | history | rollback",
        discussion: """
            A deployment is a ref, refs/heads/production without --to: 'git mlrun serve --follow' serves what it points to,
            here or wherever it is pushed. Its reflog is the history.

            Examples:
              git mlrun deploy HEAD
              git mlrun deploy status
              git mlrun deploy rollback
            """,
        subcommands: [Deploy.self, DeployStatus.self, DeployHistory.self, DeployRollback.self],
        defaultSubcommand: Deploy.self)
}

/// The ref that a deployment is.
struct DeploymentOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The ref that is served.", valueName: "ref")) var to = "production"

    var reference: String { to.hasPrefix("refs/") ? to : "refs/heads/" + to }
}

struct Deploy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "to", abstract: "Check a commit's model, move the ref to it, and wait until it is served.",
        usage: "git mlrun deploy <rev> [--to <ref>] [--model <path>] [--wait <s>]", shouldDisplay: false)

    @Argument(help: ArgumentHelp("A revision.", valueName: "rev")) var revision: String
    @OptionGroup var deployment: DeploymentOptions
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file inside the revision.", valueName: "path"))
    var model: String?
    @Option(help: ArgumentHelp("Seconds to wait for the servers of this repository.", valueName: "s")) var wait = 60
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let commit = try session.repository.commit(revision)
        // What cannot be served is found out here, before any server hears of it.
        _ = try GenerationOpener(
            source: commit.id.hex, model: model, follow: nil, command: nil, timeout: 30, ui: session.ui
        ).open(number: 1)
        let move = DeploymentMove(repository: session.repository, reference: deployment.reference)
        try move.run(to: commit.id, message: "deploy: \(revision)", wait: wait, session.ui)
    }
}

/// Moves a deployment's ref and watches the servers that follow it.
struct DeploymentMove {
    let repository: Repository
    let reference: String

    /// - Throws: `MLError(.failed)` when a server refuses the commit or does not get to it in time.
    func run(to commit: GitID, message: String, wait: Int, _ ui: UserInterface) throws {
        if let branch = repository.currentBranch(), "refs/heads/" + branch == reference, repository.workTree != nil {
            throw MLError(
                .conflict, "'\(branch)' is checked out here, so that it moves with your commits",
                hint: "deploy from another branch, or to another ref: --to REF")
        }
        let old = repository.reference(reference)
        if old != commit {
            guard try repository.compareAndSwap(reference, from: old, to: commit, message: message) else {
                throw MLError(.conflict, "'\(reference)' was moved by somebody else", hint: "look, and try again")
            }
        }
        ui.summary("\(reference) is at \(GenerationOpener.short(commit.hex)).")
        let end = Moment.now() + Double(wait)
        var waiting = try servers()
        if waiting.isEmpty {
            ui.status("No server of this repository follows it; 'git mlrun serve --follow \(reference)' does.")
        }
        while let server = waiting.first {
            if server.version == commit.hex {
                ui.summary("\(server.url) serves it.")
                waiting.removeFirst()
                continue
            }
            if let refused = server.refused, refused.version == commit.hex {
                throw MLError(
                    .failed, "\(server.url) refuses it: \(refused.reason)",
                    hint:
                        "it still serves \(GenerationOpener.short(server.version)); 'git mlrun deploy rollback' moves the ref back"
                )
            }
            guard Moment.now() < end else {
                throw MLError(
                    .failed, "\(server.url) does not serve it after \(wait) s",
                    hint: "look at what the server says; 'git mlrun deploy status' shows where it is")
            }
            usleep(50_000)
            let now = try servers()
            waiting = waiting.compactMap { old in now.first { $0.process == old.process } }
        }
    }

    func servers() throws -> [ServingState] {
        try ServingState.all(repository.commonDirectory).filter { $0.reference == reference }
    }
}

struct DeployStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What the servers of this repository serve.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let states = try ServingState.all(session.repository.commonDirectory)
        if json { return session.ui.print((["version": 1, "servers": .array(states.map(\.json))] as JSON).compact()) }
        if states.isEmpty { return session.ui.status("No server of this repository runs.") }
        let rows = states.map { state in
            [
                state.url, state.model, String(state.version.prefix(10)), state.since.description,
                state.reference ?? "-", state.refused.map { "refused \($0.version.prefix(10)): \($0.reason)" } ?? "",
            ]
        }
        TableView(
            columns: ["Server", "Model", "Commit", "Since", "Follows", ""].map { .text($0) }, rows: rows
        ).show(.terminal, session.ui)
    }
}

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
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let log = try DeploymentLog(session.repository, deployment.reference)
        if json {
            let entries = log.entries.map { entry -> JSON in
                [
                    "commit": .string(entry.id), "time": .string(entry.time.description), "who": .string(entry.who),
                    "message": .string(entry.message),
                ]
            }
            return session.ui.print(
                (["version": 1, "ref": .string(deployment.reference), "deployments": .array(entries)] as JSON).compact()
            )
        }
        let rows = log.entries.map { [String($0.id.prefix(10)), $0.time.description, $0.who, $0.message] }
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
