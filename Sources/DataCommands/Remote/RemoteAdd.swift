import ArgumentParser
import Base
import CommandKit
import DataKit

struct RemoteAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a remote store.",
        discussion: """
            URL says what kind it is:
              /folder, file:///folder         a disk, a mounted share
              ssh://[user@]host[:port]/path   a folder on another machine, by SFTP; also sftp://, host:path
              s3://bucket/prefix              Amazon S3, or what is compatible with it ('remote set NAME endpoint URL')
              gs://bucket/prefix              Google Cloud Storage
              azure://account/container/path  Azure Blob
              oss://bucket/prefix             Aliyun OSS
              http(s)://host/path             a WebDAV server; also webdav(s)://
              webhdfs://host:port/path        Hadoop; also hdfs:// and swebhdfs://
              oci://registry/name             a container registry
              gdrive://folder-id              Google Drive
              git::[REMOTE]                   the Git remote itself
              lfs::URL                        a Git LFS server or folder
              rclone:REMOTE:path              whatever rclone can reach
            """
    )

    @Flag(name: [.customShort("d"), .long], help: "Use it when no store is named.") var `default` = false
    @Flag(help: "Write it to .mldata/config, so that every clone knows it.") var shared = false
    @Flag(help: "A copy: it gets what is pushed elsewhere, and is asked when that fails.") var mirror = false
    @Option(help: ArgumentHelp("Use it for this Git remote.", valueName: "git-remote")) var gitRemote: String?
    @Argument(help: "What to call it.") var name: String
    @Argument(help: "Where it is.") var url: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard !name.isEmpty, !name.hasPrefix("-"),
            name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) })
        else {
            throw MLError(
                .usage, "'\(name)' is no valid name for a remote store", hint: "use letters, digits, '-' and '_'")
        }
        let known = try session.data.remoteSettings()
        if known.contains(where: { $0.name == name && $0.isShared == shared }) {
            throw MLError(
                .conflict, "remote store '\(name)' already exists",
                hint: "change it with 'git mldata remote set \(name) url URL'")
        }
        try RemoteKey.named("url").check(url)
        try session.data.check(url)
        if let gitRemote { try RemoteKey.named("gitRemote").check(gitRemote) }
        // The first store is meant to be used; one that says for what is not meant for everything.
        let first = session.data.defaultRemote == nil && known.isEmpty && !mirror && gitRemote == nil
        var settings = [("mldata.remote.\(name).url", url)]
        if mirror { settings.append(("mldata.remote.\(name).mirror", "true")) }
        if let gitRemote { settings.append(("mldata.remote.\(name).gitRemote", gitRemote)) }
        if `default` || first { settings.append(("mldata.defaultRemote", name)) }
        if shared {
            try SharedConfiguration.set(settings, session.data.repository)
            session.ui.hint("'\(SharedConfiguration.path)' is staged; commit it")
        } else {
            for (key, value) in settings { try session.data.repository.git.run(["config", "--local", key, value]) }
        }
        if !mirror, try session.data.repository.head() != nil {
            session.ui.hint("what earlier commits need is copied to it by 'git mldata push --all'")
        }
        session.ui.status("Added remote store '\(name)'\(`default` || first ? ", the default" : "").")
    }
}
