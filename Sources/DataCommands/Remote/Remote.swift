import ArgumentParser
import Base
import CommandKit
import DataKit
import Reports

struct Remote: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote",
        abstract: "Manage where content is uploaded to; without any, it is the Git remote itself.",
        subcommands: [
            RemoteAdd.self, RemoteList.self, RemoteRemove.self, RemoteDefault.self, RemoteSet.self, RemoteTest.self,
            RemoteStatus.self,
        ],
        defaultSubcommand: RemoteList.self)
}

struct RemoteList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List remote stores.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let settings = try session.data.remoteSettings()
        let standard = session.data.defaultRemote
        session.warnOfRefusedSettings()
        if json {
            let list: [JSON] = settings.map {
                [
                    "name": .string($0.name), "url": .string($0.url), "default": .bool($0.name == standard),
                    "shared": .bool($0.isShared), "mirror": .bool($0.isMirror),
                    "gitRemotes": .array($0.gitRemotes.map { .string($0) }),
                ]
            }
            session.ui.write(JSON.object(["version": 1, "remotes": .array(list)]).pretty())
            return
        }
        let width = settings.map(\.name.count).max() ?? 0
        for setting in settings {
            var marks: [String] = []
            if setting.name == standard { marks.append("default") }
            if setting.isMirror { marks.append("copy") }
            if !setting.gitRemotes.isEmpty { marks.append("for " + setting.gitRemotes.joined(separator: ", ")) }
            if setting.isShared { marks.append("shared") }
            session.ui.print(
                setting.name + String(repeating: " ", count: width - setting.name.count) + "  " + setting.url
                    + (marks.isEmpty ? "" : " (\(marks.joined(separator: "; ")))"))
        }
        if settings.isEmpty {
            session.ui.status("No remote store is configured: content goes to the Git remote itself.")
        }
    }
}

extension Session {
    /// Names what the committed configuration sets and a clone may not.
    func warnOfRefusedSettings() {
        for (key, reason) in data.shared.refused {
            ui.warning("'\(key)' in '\(SharedConfiguration.path)' is not used: \(reason)")
        }
    }
}
