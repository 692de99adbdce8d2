import ArgumentParser
import Base
import CommandKit
import DataKit
import Glibc
import HTTPServing
import Serving

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a model of a revision over HTTP.",
        discussion: """
            The model is verified by its hash and answers once before the port opens. With a file golden.jsonl beside the
            model (from 'git mlrun predict --json'), it must give the recorded answers.

            Examples:
              git mlrun serve HEAD --port 8080
              curl -d '{"text": "A fine film."}' localhost:8080/predict
              git mlrun serve --follow refs/heads/production     # a push is a deployment
              git mlrun serve HEAD --replicas 4                  # processes, replaced when they end
              git mlrun serve HEAD --min-replicas 1 --max-replicas 8
              git mlrun serve --new-token alice --token-file tokens
            """)

    @Argument(help: ArgumentHelp("A revision, REV:PATH, or a model's folder or file.", valueName: "rev-or-file"))
    var source: String?
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file inside the revision.", valueName: "path"))
    var model: String?
    @Option(
        help: ArgumentHelp("Serve what this ref points to, and switch without a pause when it moves.", valueName: "ref")
    )
    var follow: String?
    @Option(help: ArgumentHelp("Serve a program that answers texts.", valueName: "command")) var predictor: String?
    @Option(help: ArgumentHelp("Serve another revision beside it, to a share of the requests.", valueName: "rev"))
    var canary: String?
    @Option(help: ArgumentHelp("The canary's share.", valueName: "percent")) var weight = 10.0
    @Option(help: ArgumentHelp("Ask another revision the same, and only count what it says.", valueName: "rev"))
    var shadow: String?
    @Flag(help: "Stay with the revision, also when another is deployed.") var pinned = false
    @OptionGroup(title: "Replicas") var scaling: ScalingOptions
    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Logs") var logs: LogOptions
    @Flag(help: "Print where it listens as JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        if let name = network.newToken { return try network.makeToken(name, ui) }
        let opener = try GenerationOpener(
            source: source, model: model, follow: follow, command: predictor,
            // A little more than a request has: that one took too long is said first, then its program is ended.
            timeout: limits.timeout + 1, ui: ui)
        let service = try limits.service()
        _ = try scaling.parameters()
        limits.allowConnections()
        // Before any thread starts, so that all of them leave the signals to this one.
        let signals = TerminationSignals()
        let start = Moment.now()
        let metrics = ServiceMetrics()
        let hosting: GenerationOpener.Hosting =
            scaling.isReplicated ? .replicas(user: network.user) : .threads(limits.threads ?? processorCount())
        func open(_ number: Int, _ commit: String?) throws -> Generation {
            try opener.open(
                number: number, commit: commit, hosting: hosting, replicas: scaling.first, limits: limits,
                metrics: metrics)
        }
        let first = try open(1, nil)
        let answering = ModelService(
            first, metrics: metrics, limits: service, guards: try network.guards(rate: limits.rate),
            journal: try logs.journal(metrics, ui), explain: PredictionExplanation.explain)
        if let (candidate, splits) = try beside(opener) { answering.admit(try open(2, candidate), splits) }
        let server = try HTTPServer(try network.settings(limits), answering)
        try network.dropPrivileges()
        let url = network.url(server.port)
        announce(first, url, seconds: Moment.now() - start, ui)
        var state = ServingState(url: url, reference: opener.reference, model: first.model, version: first.version)
        state.isPinned = pinned || !opener.isOfCommit || canary != nil || shadow != nil
        let loop = ServingLoop(
            answering, opener, hosting: hosting, scaling: scaling, limits: limits, state: state, ui: ui)
        try loop.run(signals)
        ui.status("Draining: requests under way are answered, no new ones are taken.")
        answering.drain()
        // Whoever sends requests here needs time to see that it is no longer ready.
        usleep(UInt32(min(limits.drainDelay, 3600) * 1e6))
        server.drain(within: limits.drain)
    }

    /// The commit that is asked beside the first, and what it gets.
    private func beside(_ opener: GenerationOpener) throws -> (String, [Traffic.Split])? {
        guard let name = canary ?? shadow else { return nil }
        guard canary == nil || shadow == nil else {
            throw MLError(.usage, "'--canary' and '--shadow' exclude each other")
        }
        guard let data = opener.data, opener.isOfCommit else {
            throw MLError(.usage, "'--canary' and '--shadow' need a revision that is served")
        }
        guard opener.reference == nil else {
            throw MLError(
                .usage, "a server that follows a ref has its candidates by 'git mlrun deploy'",
                hint: "git mlrun deploy \(name) --strategy \(canary == nil ? "shadow" : "canary")")
        }
        let commit = try data.repository.commit(name).id.hex
        if shadow != nil { return (commit, [.shadow]) }
        guard (0...100).contains(weight) else { throw MLError(.usage, "--weight must be from 0 to 100") }
        return (commit, [.share(weight / 100)])
    }

    private func announce(_ generation: Generation, _ url: String, seconds: Double, _ ui: UserInterface) {
        if json {
            let line: JSON = [
                "version": 1, "url": .string(url), "model": .string(generation.model),
                "model_version": .string(generation.version), "labels": JSON(generation.labels),
            ]
            ui.print(line.compact())
        } else {
            ui.print(
                "Serving '\(generation.model)' of \(GenerationOpener.short(generation.version)) on \(url), ready after "
                    + "\(Int((seconds * 1000).rounded())) ms.")
        }
        fflush(nil)
    }
}
