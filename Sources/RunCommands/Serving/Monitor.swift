import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Glibc
import HTTPServing
import Pipelines
import Records
import Remotes
import RunKit
import Serving

struct Monitor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor",
        abstract: "Watch a server: throughput, latency, errors, classes and drift.",
        discussion: """
            Reads what 'git mlrun serve' counts, here or anywhere. Without an address: the server of this repository.

            Drift is how far the predictions and texts of now are from those of training (reference.json beside the model,
            or its golden answers): the population stability index (PSI; above 0.25 is large) and the Jensen-Shannon
            divergence (0 to 1).

            Examples:
              git mlrun monitor
              git mlrun monitor https://models.example.org --listen 9000     # as a page
              git mlrun monitor --once --json
              git mlrun monitor --once --record                              # into the note of the commit that is served
            """)

    @Argument(help: ArgumentHelp("The server's address.", valueName: "url")) var url: String?
    @Flag(help: "Look once, at everything since the server was started, and end.") var once = false
    @Option(help: ArgumentHelp("Seconds between looks.", valueName: "s")) var interval = 2.0
    @Option(help: ArgumentHelp("Seconds that rates and latencies are of.", valueName: "s")) var window = 60.0
    @Option(help: ArgumentHelp("Look so many times, and end.", valueName: "n")) var count: Int?
    @Option(help: ArgumentHelp("Serve the page on this port of 127.0.0.1; 0 takes a free one.", valueName: "port"))
    var listen: Int?
    @Option(help: ArgumentHelp("Write the page to a file with every look.", valueName: "file")) var html: String?
    @Flag(help: "Record the summary in the notes of the commits served, at the end.") var record = false
    @Option(help: ArgumentHelp("A file that holds the token the server asks for.", valueName: "file"))
    var token: String?
    @Flag(help: "Print a line of JSON for every look.") var json = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard interval >= 0.1, window >= interval else {
            throw ValidationError("--interval must be at least 0.1, and --window not below it")
        }
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    }

    func run() throws {
        let ui = try UserInterface(common)
        let address = try url.map { try Monitor.address($0) } ?? Monitor.ownServer()
        let scrape = try MetricsScrape(address, token: token.map { try Files.readText($0) })
        let signals = TerminationSignals()
        var history = MonitorHistory(url: address, window: window)
        var summary = history.add(try scrape.sample())
        let service = MonitorService(history.document(summary), interval: interval)
        let server = try listen.map { port in
            var settings = HTTPServer.Settings()
            settings.port = port
            let server = try HTTPServer(settings, service)
            ui.status("The page is on http://127.0.0.1:\(server.port)/")
            return server
        }
        var isDown = false
        try show(summary, history, isDown: false, ui)
        var left = once ? 0 : (count ?? .max) - 1
        while left > 0, !signals.wait(seconds: interval) {
            left -= 1
            do {
                summary = history.add(try scrape.sample())
                isDown = false
                service.update(history.document(summary))
            } catch let error as MLError {
                // A server that is started anew comes back.
                if !isDown { ui.warning(error.message) }
                isDown = true
                service.fail(error.message)
            }
            try show(summary, history, isDown: isDown, ui)
        }
        server?.drain(within: 1)
        if record { try record(summary, ui) }
    }

    private func show(_ summary: ServiceSummary, _ history: MonitorHistory, isDown: Bool, _ ui: UserInterface) throws {
        if let html {
            try Files.writeAtomically(
                MonitorPage.html(history.document(summary), isLive: false, interval: interval), to: html)
        }
        if json {
            if !isDown { ui.print(summary.json.compact()) }
        } else {
            let isScreen = !once && ui.terminal.width != nil && environment("TERM") != "dumb"
            // Each look in the place of the one before.
            ui.write((isScreen ? "\u{1b}[H\u{1b}[2J" : "") + MonitorView.text(summary, history, isDown: isDown, ui))
        }
        fflush(nil)
    }

    /// Adds the summary to what is recorded for the commits, under `serving.…`.
    private func record(_ summary: ServiceSummary, _ ui: UserInterface) throws {
        let session = try RunSession(common)
        var count = 0
        for generation in summary.generations where generation.predictions > 0 {
            guard let commit = try? session.repository.commit(generation.version) else { continue }
            var values = RecordedValues()
            for (name, value) in MonitorView.metrics(summary, generation) { values.add(name, value, step: nil) }
            let context = RunContext(host: hostName(), tools: ["git-ml": .string(Program.version)])
            let line = try session.runs.attach(
                values, to: commit, context: context, sequence: Int64(Monitor.now() * 1e9))
            ui.status("\(commit.id.short)  \(line)")
            count += 1
        }
        guard count > 0 else {
            throw MLError(.notFound, "no commit of this repository has answered yet, so nothing was recorded")
        }
    }

    /// Seconds since 1970.
    static func now() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    private static func address(_ text: String) throws -> String {
        var base = text
        if base.firstRange(of: "://") == nil { base = "http://" + base }
        while base.hasSuffix("/") { base.removeLast() }
        if base.hasSuffix("/metrics") { base.removeLast("/metrics".count) }
        guard base.hasPrefix("http://") || base.hasPrefix("https://") else {
            throw MLError(.usage, "'\(text)' is no address of a server", hint: "give http://HOST:PORT")
        }
        return base
    }

    private static func ownServer() throws -> String {
        let hint = "name its address: git mlrun monitor http://HOST:PORT"
        let states = try ServingState.all(DataRepository().repository.commonDirectory)
        guard let first = states.first else {
            throw MLError(.notFound, "no server of this repository runs", hint: hint)
        }
        guard states.count == 1 else {
            throw MLError(
                .usage, "several servers run: \(states.map(\.url).joined(separator: ", "))", hint: hint)
        }
        return first.url
    }
}

/// Asks a server for its metrics.
struct MetricsScrape {
    let url: String
    private let headers: [String]

    init(_ url: String, token: String?) throws {
        self.url = url
        headers = token.map { ["Authorization: Bearer " + $0.filter { !$0.isWhitespace }] } ?? []
    }

    /// - Throws: `MLError` when the server does not answer, or not with metrics of ours.
    func sample() throws -> ServiceSample {
        var request = HTTPRequest(method: "GET", url: url + "/metrics", headers: headers)
        request.timeout = 10
        switch try request.perform() {
        case .failure(_, let error): throw error
        case .answer(let answer):
            guard answer.status == 200 else {
                throw MLError(
                    .failed, "\(URLText.withoutCredentials(url)) answered \(answer.status) instead of its metrics",
                    hint: answer.status == 401 ? "give the token: --token FILE" : "is it a server of 'git mlrun serve'?"
                )
            }
            do {
                let page = try PrometheusText(String(decoding: answer.body, as: UTF8.self))
                return try ServiceSample(page, time: Monitor.now())
            } catch let error as MLError {
                throw MLError(.invalidInput, "\(URLText.withoutCredentials(url)): \(error.message)")
            }
        }
    }
}
