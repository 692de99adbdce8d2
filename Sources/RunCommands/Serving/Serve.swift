import ArgumentParser
import Base
import CommandKit
import DataKit
import Glibc
import HTTPServing
import Serving

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a model of a revision over HTTP.",
        discussion: """
            The model is verified by its hash and answers once before the port opens. With a file golden.jsonl beside the
            model (from 'git mlrun predict --json'), it must give the recorded answers.

            Examples:
              git mlrun serve HEAD --port 8080
              curl -d '{"text": "A fine film."}' localhost:8080/predict
              git mlrun serve --follow refs/heads/production     # a push is a deployment
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
    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Logs") var logs: LogOptions
    @Flag(help: "Print where it listens as JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        if let name = network.newToken { return try network.makeToken(name, ui) }
        let opener = try GenerationOpener(
            source: source, model: model, follow: follow, command: predictor, timeout: limits.timeout, ui: ui)
        // Before any thread starts, so that all of them leave the signals to this one.
        let signals = TerminationSignals()
        let start = Moment.now()
        let first = try opener.open(number: 1)
        let metrics = ServiceMetrics()
        let service = ModelService(
            first, queue: limits.queue(metrics), metrics: metrics, limits: try limits.service(),
            guards: try network.guards(rate: limits.rate), journal: try logs.journal(metrics, ui),
            explain: PredictionExplanation.explain)
        let server = try HTTPServer(try network.settings(limits), service)
        try network.dropPrivileges()
        let url = network.url(server.port)
        announce(first, url, seconds: Moment.now() - start, ui)
        let folder = opener.data?.repository.commonDirectory
        var state = ServingState(url: url, reference: opener.reference, model: first.model, version: first.version)
        // Only for those beside it: a server works without.
        func tell() { if let folder { try? state.write(folder) } }
        tell()
        follow(service, opener, signals, ui) { generation, refused in
            if state.version != generation.version { state.since = .now() }
            state.version = generation.version
            state.refused = refused
            tell()
        }
        if let folder { state.remove(folder) }
        ui.status("Draining: requests under way are answered, no new ones are taken.")
        service.drain()
        server.drain(within: limits.drain)
    }

    private func announce(_ generation: Generation, _ url: String, seconds: Double, _ ui: UserInterface) {
        if json {
            let line: JSON = [
                "version": 1, "url": .string(url), "model": .string(generation.model),
                "model_version": .string(generation.version), "labels": JSON(generation.predictor.labels),
            ]
            ui.print(line.compact())
        } else {
            ui.print(
                "Serving '\(generation.model)' of \(GenerationOpener.short(generation.version)) on \(url), ready after "
                    + "\(Int((seconds * 1000).rounded())) ms.")
        }
        fflush(nil)
    }

    /// Until a signal ends it: looks once a second whether the ref has moved.
    ///
    /// - Parameter changed: is told what is served now, and what was refused.
    private func follow(
        _ service: ModelService, _ opener: GenerationOpener, _ signals: TerminationSignals, _ ui: UserInterface,
        changed: (Generation, (version: String, reason: String)?) -> Void
    ) {
        var refused: String?
        while !signals.wait(seconds: 1) {
            guard let target = opener.target(), target != refused else { continue }
            if target == service.generation.version {
                if refused != nil { changed(service.generation, nil) }
                refused = nil
                continue
            }
            do {
                let next = try opener.open(number: service.generation.number + 1)
                let before = service.generation.version
                service.replace(by: next)
                refused = nil
                changed(next, nil)
                ui.status(
                    "Now serving \(GenerationOpener.short(next.version)), before \(GenerationOpener.short(before)).")
            } catch {
                // A version that cannot be served never gets traffic; it is not tried again until the ref moves on.
                refused = target
                service.metrics.observeSwitch(hasFailed: true)
                let reason = (error as? MLError)?.message ?? "\(error)"
                changed(service.generation, (target, reason))
                ui.warning(
                    "\(GenerationOpener.short(target)) is not served, \(GenerationOpener.short(service.generation.version)) "
                        + "stays: \(reason)")
            }
        }
    }
}
