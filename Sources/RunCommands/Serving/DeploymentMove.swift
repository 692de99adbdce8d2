import Base
import CommandKit
import GitKit
import Glibc

/// Moves a deployment's ref and watches the servers that follow it.
struct DeploymentMove {
    let repository: Repository
    let reference: String

    /// - Throws: `MLError(.conflict)` where the ref moves with the user's own commits.
    func check() throws {
        if let branch = repository.currentBranch(), "refs/heads/" + branch == reference, repository.workTree != nil {
            throw MLError(
                .conflict, "'\(branch)' is checked out here, so that it moves with your commits",
                hint: "deploy from another branch, or to another ref: --to REF")
        }
    }

    /// - Throws: `MLError(.failed)` when a server refuses the commit or does not get to it in time.
    func run(to commit: GitID, message: String, wait: Int, _ ui: UserInterface) throws {
        try check()
        let old = repository.reference(reference)
        // What was refused before counts only where nothing moves.
        let start = old == commit ? 0 : Moment.now()
        if old != commit {
            guard try repository.compareAndSwap(reference, from: old, to: commit, message: message) else {
                throw MLError(.conflict, "'\(reference)' was moved by somebody else", hint: "look, and try again")
            }
        }
        ui.summary("\(reference) is at \(GenerationOpener.short(commit.hex)).")
        try invite()
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
            if let refused = server.refused, refused.version == commit.hex, refused.time >= start {
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

    /// Servers that were given a revision and follow nothing yet come along.
    func invite() throws {
        let folder = repository.commonDirectory
        let alone = try ServingState.all(folder).filter { $0.reference == nil && !$0.isPinned }
        for server in alone { try server.invite(folder, to: reference) }
        let end = Moment.now() + 5
        while Moment.now() < end {
            let now = try ServingState.all(folder)
            if alone.allSatisfy({ old in now.first { $0.process == old.process }.map { $0.reference != nil } ?? true })
            {
                return
            }
            usleep(20_000)
        }
    }

    /// Waits until servers that follow the ref say something of a candidate.
    ///
    /// - Parameters:
    ///   - start: when it was asked for: refusals from before are of an earlier time.
    ///   - says: what a server says of it; nil while it says nothing.
    /// - Throws: `MLError(.failed)` when one refuses it or does not get to it in time.
    func watch(
        _ commit: String, since start: Double, wait: Int, _ ui: UserInterface, says: (ServingState) -> String?
    ) throws {
        let end = Moment.now() + Double(wait)
        var done: Set<Int32> = []
        var waiting = try servers()
        if waiting.isEmpty {
            ui.status("No server of this repository follows it; 'git mlrun serve --follow \(reference)' does.")
        }
        while let server = waiting.first(where: { !done.contains($0.process) }) {
            for server in waiting where !done.contains(server.process) {
                if let words = says(server) {
                    ui.summary("\(server.url) \(words).")
                    done.insert(server.process)
                } else if let refused = server.refused, refused.version == commit, refused.time >= start {
                    throw MLError(
                        .failed, "\(server.url) refuses it: \(refused.reason)",
                        hint: "it still serves \(GenerationOpener.short(server.version))")
                }
            }
            guard Moment.now() < end else {
                throw MLError(
                    .failed, "\(server.url) has not got to it after \(wait) s",
                    hint: "'git mlrun deploy status' shows where it is")
            }
            usleep(50_000)
            waiting = try servers()
        }
    }
}
