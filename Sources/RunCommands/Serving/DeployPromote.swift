import ArgumentParser
import Base
import CommandKit
import GitKit
import Serving

/// Ends a rollout by hand.
struct RolloutEnd {
    let session: RunSession
    let deployment: DeploymentOptions

    func running() throws -> (store: RolloutStore, id: GitID, plan: RolloutPlan) {
        let store = RolloutStore(repository: session.repository, deployment: deployment.reference)
        guard let (id, plan) = try store.read(), plan.state == .running else {
            throw MLError(
                .notFound, "nothing is under way to '\(deployment.reference)'",
                hint: "begin with 'git mlrun deploy REV --strategy canary'")
        }
        return (store, id, plan)
    }

    func end(_ state: RolloutPlan.State, _ reason: String) throws {
        var (store, id, plan) = try running()
        plan.state = state
        plan.reason = reason
        guard try store.write(plan, after: id) else {
            throw MLError(.conflict, "the rollout was changed by somebody else", hint: "look, and try again")
        }
    }
}

struct DeployPromote: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Give the candidate all requests: move the ref to it.")

    @OptionGroup var deployment: DeploymentOptions
    @Option(help: ArgumentHelp("Seconds to wait for the servers of this repository.", valueName: "s")) var wait = 60
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let end = RolloutEnd(session: session, deployment: deployment)
        let plan = try end.running().plan
        guard let commit = GitID(plan.commit) else { throw MLError(.invalidInput, "'\(plan.commit)' is no commit") }
        // The ref first: a server that has the candidate gives it the traffic without opening it again.
        try DeploymentMove(repository: session.repository, reference: deployment.reference).run(
            to: commit, message: "promote: \(plan.strategy.rawValue)", wait: wait, session.ui)
        try end.end(.promoted, "by hand")
    }
}

struct DeployAbort: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Take the candidate out of the traffic.")

    @OptionGroup var deployment: DeploymentOptions
    @Option(help: ArgumentHelp("Seconds to wait for the servers of this repository.", valueName: "s")) var wait = 60
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let end = RolloutEnd(session: session, deployment: deployment)
        let plan = try end.running().plan
        try end.end(.aborted, "by hand")
        session.ui.summary("The \(plan.strategy.rawValue) of \(GenerationOpener.short(plan.commit)) is over.")
        try DeploymentMove(repository: session.repository, reference: deployment.reference).watch(
            "", since: 0, wait: wait, session.ui
        ) { $0.json["candidate"] == nil ? "serves \($0.version.prefix(10)) alone" : nil }
    }
}
