import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit

struct RemoteRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a remote store; its content stays.", aliases: ["rm"])

    @Argument(help: "The store.") var name: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let git = session.data.repository.git
        guard try !session.data.remoteSetting(named: name).isShared else {
            throw MLError(
                .failed, "remote store '\(name)' is shared",
                hint: "take it out of '\(SharedConfiguration.path)' and commit that")
        }
        // A setting of all repositories of this user stays in force, whatever this repository says.
        guard try git.start(["config", "--local", "--remove-section", "mldata.remote.\(name)"]).status == 0 else {
            throw MLError(
                .failed, "remote store '\(name)' is not set in this repository",
                hint: "'git config --show-origin mldata.remote.\(name).url' shows where it is")
        }
        if session.data.configuration["mldata.defaultRemote"] == name {
            _ = try git.start(["config", "--local", "--unset-all", "mldata.defaultRemote"])
        }
    }
}

struct RemoteDefault: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "default", abstract: "Show or set the default store.")

    @Flag(help: "Write it to .mldata/config.") var shared = false
    @Argument(help: "The store.") var name: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard let name else {
            guard let current = session.data.defaultRemote else { throw ExitCode(ExitStatus.negative) }
            session.ui.print(current)
            return
        }
        _ = try session.data.remoteSetting(named: name)
        if shared {
            try SharedConfiguration.set([("mldata.defaultRemote", name)], session.data.repository)
            session.ui.hint("'\(SharedConfiguration.path)' is staged; commit it")
        } else {
            try session.data.repository.git.run(["config", "--local", "mldata.defaultRemote", name])
        }
    }
}

struct RemoteSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change a setting of a store, such as its url.",
        discussion: "Settings:\n"
            + RemoteKey.all.map { "  " + $0.name.padded(to: 18) + $0.meaning }.joined(separator: "\n")
            + "\n\nAn empty value removes the setting. Credentials are no settings: see 'git mldata remote test'.")

    @Flag(help: "Write it to .mldata/config, for every clone.") var shared = false
    @Argument(help: "The store.") var name: String
    @Argument(help: "The setting.") var key: String
    @Argument(help: "Its value; empty removes it.") var value: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        _ = try session.data.remoteSetting(named: name)
        let known = try RemoteKey.named(key)
        let full = "mldata.remote.\(name).\(known.name)"
        if value.isEmpty && known.form != .url {
            let place = shared ? ["--file", try file(session)] : ["--local"]
            _ = try session.data.repository.git.start(["config"] + place + ["--unset-all", full])
            return
        }
        try known.check(value)
        if known.name == "url" { try session.data.check(value) }
        guard shared else {
            try session.data.repository.git.run(["config", "--local", full, value])
            return
        }
        guard known.isShareable else {
            throw MLError(
                .usage, "'\(known.name)' cannot be shared: it decides which credentials are used",
                hint: "set it without --shared, in each clone")
        }
        try SharedConfiguration.set([(full, value)], session.data.repository)
        session.ui.hint("'\(SharedConfiguration.path)' is staged; commit it")
    }

    private func file(_ session: Session) throws -> String {
        try session.data.repository.requireWorkTree() + "/" + SharedConfiguration.path
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
