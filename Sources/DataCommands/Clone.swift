import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct Clone: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone",
        abstract: "Clone a repository and set it up: hooks, notes, content.",
        discussion: """
            All options of 'git clone' can be given. Content is fetched in one go and written in parallel, not file by file
            through git's filter.
            """)

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("URL [DIR] and options of 'git clone'.", valueName: "arguments"))
    var arguments: [String]

    func run() throws {
        let isQuiet = arguments.contains { $0 == "-q" || $0 == "--quiet" }
        let options = try CommonOptions.parse(isQuiet ? ["-q"] : [])
        let ui = try UserInterface(options)
        // What git alone knows how to lay out is left to git; the filter and 'fill' do the rest.
        let needsGit = arguments.contains { word in
            ["-n", "--no-checkout", "--bare", "--mirror", "--sparse", "--recurse-submodules", "--recursive"].contains {
                word == $0 || word.hasPrefix($0 + "=")
            }
        }
        let isBare = arguments.contains("--bare") || arguments.contains("--mirror")
        // Notes and records are needed whole: a partial clone gets them by a fetch of its own.
        let remote = isBare || isPartial ? nil : try remoteName()
        let settings = isBare ? [] : Installation.cloneSettings(remote: remote)
        let skips = Workflow.skipsSmudge
        let isDirect = !needsGit && !skips
        let result = try Subprocess(
            ["git", "clone"] + settings.flatMap { ["-c", "\($0.key)=\($0.value)"] }
                + (isDirect ? ["--no-checkout"] : []) + arguments, output: .inherit, errors: .inherit
        ).run()
        if result.status != 0 { throw ExitCode(result.status) }
        guard let directory = destination() else { return }
        let session = try Session(ui, directory: directory)
        if session.data.repository.workTree == nil { return }
        try Workflow.welcome(session.data, hasRecords: remote != nil)
        if skips || arguments.contains("-n") || arguments.contains("--no-checkout") { return }
        if isDirect { try checkOut(session) } else { _ = try Workflow.fill([], fetch: true, session) }
    }

    /// Whether git brings less than the refspecs say.
    private var isPartial: Bool {
        arguments.contains { word in
            ["--depth", "--shallow-", "--filter", "--single-branch"].contains { word.hasPrefix($0) }
        }
    }

    /// What git will call where the clone comes from.
    private func remoteName() throws -> String {
        for (index, word) in arguments.enumerated() {
            if word == "-o" || word == "--origin", index + 1 < arguments.count { return arguments[index + 1] }
            if word.hasPrefix("--origin=") { return String(word.dropFirst("--origin=".count)) }
            if word.hasPrefix("-o"), !word.hasPrefix("--") { return String(word.dropFirst(2)) }
        }
        let answer = try GitCommand().start(["config", "clone.defaultRemoteName"])
        return answer.status == 0 ? String(answer.text.dropLast()) : "origin"
    }

    /// Lays out the work tree of a clone without a checkout: files that Git keeps by git, the others by the parallel
    /// writer.
    private func checkOut(_ session: Session) throws {
        let data = session.data
        guard try data.repository.head() != nil else { return }
        try data.repository.git.run(["read-tree", "HEAD"])
        let progress = session.ui.progress
        let outcome = try Synchroniser(data).complete(
            restore: true, progress: progress, where: { data.wanted.contains($0.path) },
            others: { try layOut($0, data) },
            fetch: { _ = try Downloader(data).fetch($0, into: $1, progress: progress) })
        // What is nowhere to be had stays a pointer, and the user hears of it.
        try layOut(outcome.missing.map(\.path), data)
        try Workflow.requireAll(outcome, fetched: true)
        session.ui.status(Workflow.describe(outcome))
    }

    private func layOut(_ paths: [String], _ data: DataRepository) throws {
        if paths.isEmpty { return }
        let input: [UInt8] = paths.flatMap { $0.pathBytes + [0] }
        try data.repository.git.run(
            ["checkout-index", "--index", "-z", "--stdin"], input: input, environment: ["GIT_MLDATA_SKIP_SMUDGE": "1"])
    }

    /// Where git put it: the last word, or the humanish part of the URL.
    private func destination() -> String? {
        let words = arguments.filter { !$0.hasPrefix("-") }
        guard let last = words.last else { return nil }
        func isRepository(_ path: String) -> Bool { Files.exists(path + "/.git") || Files.exists(path + "/HEAD") }
        // With a folder named there are two words at least, and the first of them is no repository of this kind here.
        var name = Files.lastComponent(of: last.split(separator: ":").last.map(String.init) ?? last)
        if words.count > 1, isRepository(last), !Files.exists(humanish(last, name)) { return last }
        name = humanish(last, name)
        return isRepository(name) ? name : (isRepository(last) ? last : nil)
    }

    private func humanish(_ url: String, _ last: String) -> String {
        var name = last
        if name == ".git" { name = Files.lastComponent(of: Files.parent(of: url)) }
        return name.hasSuffix(".git") ? String(name.dropLast(4)) : name
    }
}
