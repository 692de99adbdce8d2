import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Download a file or folder of another repository, without a clone.",
        discussion: "Example:\n  git mldata get https://host/team/data.git data/test.tsv --rev v1.2 -o test.tsv")

    @Argument(help: ArgumentHelp("The repository: a URL or a path.", valueName: "url")) var url: String
    @Argument(help: ArgumentHelp("A file or folder in it.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("Branch, tag or commit (default: its HEAD).", valueName: "rev")) var rev: String?
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("Where to write it (default: its own name, here).", valueName: "out")) var output: String?
    @Flag(help: "Overwrite what is there.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let (count, bytes) = try Foreign.download(url, path, revision: rev, to: output, force: force, ui).summary
        ui.summary("Got \(Quantity.count(count, "file")), \(Quantity.bytes(bytes))")
    }
}

/// Steps that `get`, `import` and `update` share.
enum Foreign {
    struct Download {
        var commit: GitID
        /// The file or folder that was written.
        var target: String
        var summary: (count: Int, bytes: Int64)
    }

    static var temporary: String { environment("TMPDIR") ?? "/tmp" }

    /// Writes a path of another repository to `output`, or under its own name here.
    static func download(
        _ url: String, _ path: String, revision: String?, to output: String?, force: Bool, _ ui: UserInterface
    ) throws -> Download {
        let other = try ForeignRepository(url: url, revision: revision, temporary: temporary)
        defer { other.close() }
        let entries = try other.files(at: path)
        let isFile = entries.count == 1 && entries[0].path == path.split(separator: "/").joined(separator: "/")
        let root = entries[0].path.split(separator: "/").prefix(path.split(separator: "/").filter { $0 != "." }.count)
            .joined(separator: "/")
        var target = output ?? (root.isEmpty ? "." : Files.lastComponent(of: root))
        // As `cp`: a file into a folder that is there keeps its name.
        if isFile, Files.isDirectory(target) { target += "/" + Files.lastComponent(of: root) }
        let items = entries.map { entry in
            let inside = root.isEmpty ? "/" + entry.path : String(entry.path.dropFirst(root.count))
            return Materialiser.Item(entry: entry, target: target + inside)
        }
        if !force, let present = items.first(where: { Files.exists($0.target) }) {
            throw MLError(
                .conflict, "'\(present.target)' exists already", hint: "--force overwrites, -o writes elsewhere")
        }
        try other.bring(entries)
        let bytes = try Materialiser(other.data).write(items, progress: ui.progress)
        return Download(commit: other.commit.id, target: target, summary: (items.count, bytes))
    }
}
