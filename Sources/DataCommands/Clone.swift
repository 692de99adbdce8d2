import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit

struct Clone: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Clone a repository and set it up: hooks, notes, content.",
        discussion: "All options of 'git clone' can be given.")

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("URL [DIR] and options of 'git clone'.", valueName: "arguments"))
    var arguments: [String]

    func run() throws {
        var filters: [String] = []
        for (key, value) in Installation.settings(skipSmudge: false) { filters += ["-c", "\(key)=\(value)"] }
        let result = try Subprocess(
            ["git"] + filters + ["clone"] + arguments, output: .inherit, errors: .inherit
        ).run()
        if result.status != 0 { throw ExitCode(result.status) }
        guard let directory = destination() else { return }
        let data = try DataRepository(discoveringFrom: directory)
        try Workflow.welcome(data)
        guard data.repository.workTree != nil, environment("GIT_MLDATA_SKIP_SMUDGE") != "1" else { return }
        let session = try Session(CommonOptions.parse(["-C", directory]))
        _ = try Workflow.fill([], fetch: true, session)
    }

    /// Where git put it: the last word, or the humanish part of the URL.
    private func destination() -> String? {
        let words = arguments.filter { !$0.hasPrefix("-") }
        guard let last = words.last else { return nil }
        if Files.isDirectory(last + "/.git") || Files.exists(last + "/.git") { return last }
        var name = Files.lastComponent(of: last.split(separator: ":").last.map(String.init) ?? last)
        if name == ".git" { name = Files.lastComponent(of: Files.parent(of: last)) }
        if name.hasSuffix(".git") { name = String(name.dropLast(4)) }
        return Files.exists(name + "/.git") ? name : nil
    }
}
