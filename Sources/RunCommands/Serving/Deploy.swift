import ArgumentParser
import Base
import CommandKit
import GitKit
import Serving

struct DeployCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Put a commit before the users of a server, at once or step by step, and take it back.",
        usage:
            "git mlrun deploy <rev> [--to <ref>] [--strategy <name>] | status | history | promote | abort | rollback",
        discussion: """
            A deployment is a ref, refs/heads/production without --to: 'git mlrun serve --follow' serves what it points to,
            here or wherever it is pushed, and servers of this repository that were given a revision come along. Its
            reflog is the history.

            Examples:
              git mlrun deploy HEAD
              git mlrun deploy HEAD --strategy canary --weight 10
              git mlrun deploy HEAD --strategy canary --steps 5,25,50 --step-seconds 60 --auto
              git mlrun deploy status
              git mlrun deploy promote
              git mlrun deploy rollback
            """,
        subcommands: [
            Deploy.self, DeployStatus.self, DeployHistory.self, DeployPromote.self, DeployAbort.self,
            DeployRollback.self,
        ],
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
        usage: "git mlrun deploy <rev> [--to <ref>] [--strategy <name>] [--model <path>] [--wait <s>]",
        discussion: """
            Strategies:
              blue-green  the new model is opened beside the old one, then gets all requests at once
              rolling     replica by replica
              canary      a share of the requests, or those with a header, until it is promoted or aborted
              shadow      is asked the same and never heard

            A candidate leaves the traffic by itself when more of its requests fail, when it is slower, or when it predicts
            other classes than the one that answers now, and then the ref does not move.
            """,
        shouldDisplay: false)

    @Argument(help: ArgumentHelp("A revision.", valueName: "rev")) var revision: String
    @OptionGroup var deployment: DeploymentOptions
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file inside the revision.", valueName: "path"))
    var model: String?
    @Option(help: ArgumentHelp("Seconds to wait for the servers of this repository.", valueName: "s")) var wait = 60
    @OptionGroup(title: "Step by step") var rollout: RolloutOptions
    @OptionGroup(title: "Kubernetes") var cluster: KubernetesOptions
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        if cluster.kubernetes { return try cluster.run(revision, model: model, session) }
        let commit = try session.repository.commit(revision)
        let move = DeploymentMove(repository: session.repository, reference: deployment.reference)
        try move.check()
        let plan = try rollout.plan(commit.id.hex)
        // What cannot be served is found out here, before any server hears of it.
        try GenerationOpener(
            source: commit.id.hex, model: model, follow: nil, command: nil, timeout: 30, ui: session.ui
        ).check()
        let store = RolloutStore(repository: session.repository, deployment: deployment.reference)
        let last = try store.read()
        if let last, last.plan.state == .running, plan?.commit != last.plan.commit {
            throw MLError(
                .conflict, "a \(last.plan.strategy.rawValue) of \(last.plan.commit.prefix(10)) is under way",
                hint: "end it with 'git mlrun deploy promote' or 'git mlrun deploy abort'")
        }
        guard let plan else {
            return try move.run(to: commit.id, message: "deploy: \(revision)", wait: wait, session.ui)
        }
        guard let now = session.repository.reference(deployment.reference) else {
            throw MLError(
                .notFound, "there is no ref '\(deployment.reference)' to compare with",
                hint: "the first deployment is 'git mlrun deploy REV'")
        }
        guard now != commit.id else {
            throw MLError(
                .conflict, "\(GenerationOpener.short(commit.id.hex)) is what '\(deployment.reference)' is at already",
                hint: "there is nothing to compare it with; 'git mlrun deploy status' shows who serves it")
        }
        try move.invite()
        let start = Moment.now()
        guard try store.write(plan, after: last?.id) else {
            throw MLError(.conflict, "somebody else deploys to '\(deployment.reference)'", hint: "look, and try again")
        }
        session.ui.summary("\(plan.strategy.rawValue) of \(GenerationOpener.short(commit.id.hex)) begins.")
        try move.watch(commit.id.hex, since: start, wait: wait, session.ui) { server in
            if server.version == commit.id.hex { return "serves it" }
            guard server.json["candidate"]?["model_version"]?.stringValue == commit.id.hex else { return nil }
            if plan.strategy == .rolling { return nil }
            return "has it beside \(server.version.prefix(10))"
        }
    }
}

/// How a commit comes in.
struct RolloutOptions: ParsableArguments {
    @Option(help: ArgumentHelp("blue-green, rolling, canary or shadow.", valueName: "name"))
    var strategy = "blue-green"
    @Option(help: ArgumentHelp("A canary's share of the requests; 10 without.", valueName: "percent"))
    var weight: Double?
    @Option(help: ArgumentHelp("A canary's shares one after the other, as in 5,25,50.", valueName: "percents"))
    var steps: String?
    @Option(help: ArgumentHelp("Seconds a step lasts at least; 60, and 1 for rolling.", valueName: "s"))
    var stepSeconds: Double?
    @Option(help: ArgumentHelp("Requests with this header go to the canary.", valueName: "name[=value]"))
    var header: String?
    @Flag(help: "Promote it by itself after the last step, when it keeps the rules.") var auto = false
    @Option(help: ArgumentHelp("Requests of both before latency and classes are compared.", valueName: "n"))
    var minRequests = RolloutRules().minRequests
    @Option(help: ArgumentHelp("How much larger its share of failed requests may be.", valueName: "share"))
    var maxErrorRate = RolloutRules().maxErrorRate
    @Option(help: ArgumentHelp("How many times as long its 99th percentile may take.", valueName: "x"))
    var maxLatencyRatio = RolloutRules().maxLatencyRatio
    @Option(help: ArgumentHelp("The largest stability index between the classes both predict.", valueName: "x"))
    var maxDrift = RolloutRules().maxDrift

    /// - Returns: nil for blue-green, which is a move of the ref and no more.
    func plan(_ commit: String) throws -> RolloutPlan? {
        guard strategy != "blue-green" else {
            guard weight == nil, steps == nil, header == nil, !auto else {
                throw MLError(
                    .usage, "'--weight', '--steps', '--header' and '--auto' need a strategy",
                    hint: "add '--strategy canary'")
            }
            return nil
        }
        guard let strategy = RolloutPlan.Strategy(rawValue: strategy) else {
            throw MLError(.usage, "--strategy is blue-green, rolling, canary or shadow, not '\(strategy)'")
        }
        guard strategy == .canary || (weight == nil && steps == nil && header == nil) else {
            throw MLError(.usage, "'--weight', '--steps' and '--header' are for canaries")
        }
        var shares = try (steps.map { $0.split(separator: ",").map(String.init) } ?? []).map { word -> Double in
            guard let value = Double(word), (0...100).contains(value) else {
                throw MLError(.usage, "--steps are percents from 0 to 100, not '\(word)'")
            }
            return value / 100
        }
        if shares.isEmpty, strategy == .canary {
            let percent = weight ?? (header == nil ? 10 : 0)
            guard (0...100).contains(percent) else { throw MLError(.usage, "--weight must be from 0 to 100") }
            shares = [percent / 100]
        }
        var plan = RolloutPlan(
            strategy: strategy, commit: commit, steps: shares,
            stepSeconds: stepSeconds ?? (strategy == .rolling ? 1 : 60),
            header: header.map { text in
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts.first?.lowercased() ?? "", parts.count > 1 ? parts[1] : nil)
            }, isAutomatic: auto)
        plan.rules.minRequests = max(1, minRequests)
        plan.rules.maxErrorRate = maxErrorRate
        plan.rules.maxLatencyRatio = maxLatencyRatio
        plan.rules.maxDrift = maxDrift
        return plan
    }
}
