import ArgumentParser
import Base
import CommandKit
import GitKit
import Reports
import RunKit

struct ExpPush: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Push experiments, their data and records to a Git remote.")
    @Argument(help: ArgumentHelp("A Git remote, then experiments (default: all).", valueName: "remote name"))
    var words: [String] = []
    @OptionGroup var selection: ExperimentSelection
    @Flag(name: .shortAndLong, help: "In place of others of the same name.") var force = false
    @Flag(help: "Leave the data of their outputs here.") var noCache = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let (remote, names) = try ExpExchange.split(words, session)
        let store = session.runs.experiments
        let chosen =
            try names.isEmpty
            ? selection.choose(store.list(), session.repository) : names.map { try store.find($0) }
        if chosen.isEmpty { return session.ui.status("There are no experiments.") }
        let references = chosen.map { "\(force ? "+" : "")\(store.reference($0)):\(store.reference($0))" }
        // With the hooks: they upload the data first, and the records.
        let words = ["push", "--quiet"] + (noCache ? ["--no-verify"] : []) + [remote]
        let answer = try session.repository.git.start(words + references, errors: .inherit)
        guard answer.status == 0 else {
            throw MLError(
                .failed, "experiments could not be pushed to '\(remote)'",
                hint: "others of the same name are there? 'git mlrun exp rename', or --force")
        }
        try RunExchange(session.repository).push(remote)
        session.ui.summary("Pushed \(Quantity.count(chosen.count, "experiment")) to '\(remote)'.")
    }
}

struct ExpPull: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch experiments and records from a Git remote.")
    @Argument(help: ArgumentHelp("A Git remote, then experiments (default: all).", valueName: "remote name"))
    var words: [String] = []
    @OptionGroup var selection: ExperimentSelection
    @Flag(name: .shortAndLong, help: "In place of ours of the same name.") var force = false
    @Flag(help: "Leave the data where it is (it is fetched when it is needed, always; DVC's spelling).")
    var noCache = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let (remote, names) = try ExpExchange.split(words, session)
        let sign = force ? "+" : ""
        let prefix = ExperimentStore.prefix
        let bases = try selection.bases(session.repository)
        var specs = names.map { "\(sign)\(prefix)\($0):\(prefix)\($0)" }
        if names.isEmpty, let bases {
            // What each began from is known only once its commit is here.
            try ExpExchange.fetch(["+\(prefix)*:\(ExpExchange.passing)*"], from: remote, session)
            defer { ExpExchange.dropPassing(session) }
            let chosen = try ExpExchange.list(remote, session).filter { $0.base.map(bases.contains) == true }
            if chosen.isEmpty { return session.ui.status("There are no such experiments on '\(remote)'.") }
            specs = chosen.map { "\(sign)\(prefix)\($0.name):\(prefix)\($0.name)" }
        }
        if specs.isEmpty { specs = ["\(sign)\(prefix)*:\(prefix)*"] }
        let before = try session.runs.experiments.list().count
        try ExpExchange.fetch(specs, from: remote, session)
        try RunExchange(session.repository).fetch(remote)
        let count = try session.runs.experiments.list().count - before
        session.ui.summary("Fetched \(Quantity.count(count, "new experiment")) from '\(remote)'.")
    }
}

/// Experiments on Git remotes.
enum ExpExchange {
    /// Where commits stand while it is found out which of them are wanted.
    static let passing = "refs/mlrun/passing/"

    /// The first word is a remote when there is one of that name, or it looks like an address.
    static func split(_ words: [String], _ session: RunSession) throws -> (remote: String, names: [String]) {
        let remotes = try session.repository.git.run(["remote"]).text.split(separator: "\n").map(String.init)
        if let first = words.first, remotes.contains(first) || first.contains("/") || first.contains(":") {
            return (first, Array(words.dropFirst()))
        }
        return (try session.gitRemote(nil), words)
    }

    /// The experiments of a remote; of those whose commits are here, also what they are.
    static func list(_ remote: String, _ session: RunSession) throws -> [ListedExperiment] {
        let prefix = ExperimentStore.prefix
        let answer = try session.repository.git.start(["ls-remote", "--refs", "--quiet", remote, prefix + "*"])
        guard answer.status == 0 else { throw failure("experiments of '\(remote)' could not be listed", answer) }
        return answer.text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t")
            guard fields.count == 2, let id = GitID(fields[0]), fields[1].hasPrefix(prefix) else { return nil }
            let name = String(fields[1].dropFirst(prefix.count))
            guard let known = session.runs.experiments.read(id, name: name) else {
                return ListedExperiment(name: name, commit: id)
            }
            return ListedExperiment(
                name: name, commit: id, base: known.base, state: known.state.rawValue, set: known.set)
        }
    }

    static func fetch(_ specs: [String], from remote: String, _ session: RunSession) throws {
        let answer = try session.repository.git.start(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", remote] + specs)
        guard answer.status == 0 else {
            throw failure(
                "experiments could not be fetched from '\(remote)'", answer,
                hint: "one of ours has the same name? 'git mlrun exp rename', or --force")
        }
    }

    /// Moves refs of a remote; no hook has anything to do with it.
    static func push(_ specs: [String], to remote: String, _ session: RunSession) throws {
        let answer = try session.repository.git.start(["push", "--quiet", "--no-verify", remote] + specs)
        guard answer.status == 0 else { throw failure("experiments of '\(remote)' could not be changed", answer) }
    }

    static func dropPassing(_ session: RunSession) {
        let names = (try? session.repository.references(matching: passing + "*")) ?? []
        let lines = names.map { "delete \($0)\n" }.joined()
        if !names.isEmpty { _ = try? session.repository.git.run(["update-ref", "--stdin"], input: Array(lines.utf8)) }
    }

    private static func failure(_ what: String, _ answer: Subprocess.Result, hint: String? = nil) -> MLError {
        let words = answer.errorText.split(separator: "\n").last.map(String.init) ?? ""
        return MLError(.failed, "\(what): \(words)", hints: hint.map { [$0] } ?? [])
    }
}
