import ArgumentParser
import Base
import CommandKit
import GitKit
import Reports
import RunKit

struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch records and notes; 'git fetch' does it too.")
    @Argument(help: "A Git remote.") var remote: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        try RunExchange(session.repository).fetch(try session.gitRemote(remote))
    }
}

struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Join records and notes with a remote's and push them; 'git push' does it too.")
    @Argument(help: "A Git remote.") var remote: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let name = try session.gitRemote(remote)
        let moved = try RunExchange(session.repository).push(name)
        session.ui.status(
            moved.isEmpty
                ? "Records and notes on '\(name)' are up to date." : "Pushed \(moved.joined(separator: ", ")).")
    }
}

struct Reindex: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reindex",
        abstract: "Write the notes of all commits anew from the records.",
        discussion: "After a rebase or a squash on a server, for instance: records are found by content.")
    @Argument(help: ArgumentHelp("Commits (default: all branches).", valueName: "range")) var range: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        var commits: [Commit] = []
        if let range {
            commits = try session.repository.log(range)
        } else {
            var seen: Set<GitID> = []
            for name in try session.repository.references(matching: "refs/heads/*") {
                commits += try session.repository.log(name).filter { seen.insert($0.id).inserted }
            }
        }
        let count = try session.runs.note(commits)
        session.ui.print("\(Quantity.count(count, "commit")) of \(commits.count) have runs.")
    }
}

extension RunSession {
    func gitRemote(_ name: String?) throws -> String {
        guard let remote = try name ?? data.defaultGitRemote() else {
            throw MLError(.notFound, "there is no git remote", hint: "add one with 'git remote add origin URL'")
        }
        return remote
    }
}
