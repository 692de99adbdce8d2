import ArgumentParser
import Base
import CommandKit
import DataKit
import Remotes
import Reports

struct Remote: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Manage where content is uploaded to; without any, it is the Git remote itself.",
        subcommands: [
            RemoteAdd.self, RemoteList.self, RemoteRemove.self, RemoteDefault.self, RemoteSet.self, RemoteTest.self,
        ],
        defaultSubcommand: RemoteList.self)
}

struct RemoteAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a remote store.",
        discussion:
            "URL is a path, file:///path, http(s)://host/path (WebDAV), git::REMOTE, or lfs::URL for a Git LFS server or folder."
    )

    @Flag(name: [.customShort("d"), .long], help: "Use it when no store is named.") var `default` = false
    @Flag(help: "Write it to .mldata/config, so that every clone knows it.") var shared = false
    @Argument var name: String
    @Argument var url: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) }) else {
            throw MLError(
                .usage, "'\(name)' is no valid name for a remote store", hint: "use letters, digits, '-' and '_'")
        }
        if session.data.remoteSettings().contains(where: { $0.name == name && $0.isShared == shared }) {
            throw MLError(
                .conflict, "remote store '\(name)' already exists",
                hint: "change it with 'git mldata remote set \(name) url URL'")
        }
        try session.data.check(url)
        let first = session.data.defaultRemote == nil && session.data.remoteSettings().isEmpty
        var settings = [("mldata.remote.\(name).url", url)]
        if `default` || first { settings.append(("mldata.defaultRemote", name)) }
        if shared {
            try SharedConfiguration.set(settings, session.data.repository)
            session.ui.hint("'\(SharedConfiguration.path)' is staged; commit it")
        } else {
            for (key, value) in settings { try session.data.repository.git.run(["config", "--local", key, value]) }
        }
        session.ui.status("Added remote store '\(name)'\(`default` || first ? ", the default" : "").")
    }
}

struct RemoteList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List remote stores.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let settings = session.data.remoteSettings()
        if json {
            let list: [JSON] = settings.map {
                [
                    "name": .string($0.name), "url": .string($0.url),
                    "default": .bool($0.name == session.data.defaultRemote),
                ]
            }
            session.ui.write(JSON.object(["version": 1, "remotes": .array(list)]).pretty())
            return
        }
        let width = settings.map(\.name.count).max() ?? 0
        for setting in settings {
            let marks =
                (setting.name == session.data.defaultRemote ? " (default)" : "") + (setting.isShared ? " (shared)" : "")
            session.ui.print(
                setting.name + String(repeating: " ", count: width - setting.name.count) + "  " + setting.url + marks)
        }
        if settings.isEmpty {
            session.ui.status("No remote store is configured: content goes to the Git remote itself.")
        }
    }
}

struct RemoteRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a remote store; its content stays.")

    @Argument var name: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        try session.requireOwn(name)
        try session.data.repository.git.run(["config", "--local", "--remove-section", "mldata.remote.\(name)"])
        if session.data.configuration["mldata.defaultRemote"] == name {
            try session.data.repository.git.run(["config", "--local", "--unset", "mldata.defaultRemote"])
        }
    }
}

struct RemoteDefault: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "default", abstract: "Show or set the default store.")

    @Argument var name: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard let name else {
            guard let current = session.data.defaultRemote else { throw ExitCode(ExitStatus.negative) }
            session.ui.print(current)
            return
        }
        guard session.data.remoteSettings().contains(where: { $0.name == name }) else {
            throw MLError(.notFound, "there is no remote store '\(name)'")
        }
        try session.data.repository.git.run(["config", "--local", "mldata.defaultRemote", name])
    }
}

struct RemoteSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change a setting of a store, such as its url.")

    @Argument var name: String
    @Argument var key: String
    @Argument var value: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        try session.requireOwn(name)
        if key == "url" { try session.data.check(value) }
        try session.data.repository.git.run(["config", "--local", "mldata.remote.\(name).\(key)", value])
    }
}

struct RemoteTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Write, read, list and delete a small key on a store.")

    @Argument var name: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let name = name ?? session.data.defaultRemote
        let url = try name.map { name in
            guard let setting = session.data.remoteSettings().first(where: { $0.name == name }) else {
                throw MLError(.notFound, "there is no remote store '\(name)'")
            }
            return setting.url
        }
        for step in try session.data.probe(url ?? "git::") {
            session.ui.print("\(step.name): \(step.failure ?? "ok")")
            if step.failure != nil { throw ExitCode(ExitStatus.negative) }
        }
    }
}

extension Session {
    fileprivate func requireOwn(_ name: String) throws {
        guard data.remoteSettings().contains(where: { $0.name == name && !$0.isShared }) else {
            throw MLError(
                .notFound, "there is no remote store '\(name)'", hint: "'git mldata remote list' shows those there are")
        }
    }
}
