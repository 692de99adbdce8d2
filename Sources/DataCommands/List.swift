import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List tracked files of the index, of a revision or of another repository.",
        discussion: """
            '*' marks files whose content is in the local store, '-' pointers to content elsewhere.

            Examples:
              git mldata ls HEAD~1 data
              git mldata ls https://host/team/data.git --rev v1.2
            """, aliases: ["ls-files"])

    @Argument(
        help: ArgumentHelp(
            "A revision (default: the index) or a repository's URL, then paths.", valueName: "rev-or-path"))
    var arguments: [String] = []
    @Flag(help: "Also list files that Git keeps itself.") var all = false
    @Option(help: ArgumentHelp("With a URL: branch, tag or commit.", valueName: "rev")) var rev: String?
    @Flag(name: [.customShort("n"), .long], help: "Print paths only.") var nameOnly = false
    @Flag(name: .shortAndLong, help: "Print whole object ids.") var long = false
    @Flag(name: .shortAndLong, help: .hidden) var size = false
    @OptionGroup var selection: PathSelection
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print lines for scripts: oid, mark, bytes, path.") var porcelain = false
    @Flag(name: .customShort("z"), help: "End lines with NUL instead of LF.") var nul = false
    @OptionGroup var common: CommonOptions

    private struct Row {
        var path: String
        var oid: String
        var size: Int64
        var isTracked: Bool
        var isPresent: Bool
    }

    func run() throws {
        let ui = try UserInterface(common)
        let wanted = selection.filter
        let rows = try rows(ui).filter { wanted.contains($0.path) }
        let end = nul ? "\0" : "\n"
        if json {
            let files: [JSON] = rows.map {
                [
                    "path": .string($0.path), "oid": .string($0.oid), "size": .integer($0.size),
                    "tracked": .bool($0.isTracked),
                    "present": .bool($0.isPresent),
                ]
            }
            ui.write(JSON.object(["version": 1, "files": .array(files)]).pretty())
            return
        }
        let width = rows.map { Quantity.bytes($0.size).count }.max() ?? 0
        for row in rows {
            if nameOnly {
                ui.write(row.path + end)
            } else if porcelain {
                ui.write("\(row.oid) \(row.isPresent ? "*" : "-") \(row.size) \(row.path)\(end)")
            } else {
                let size = Quantity.bytes(row.size)
                let mark = row.isPresent ? "*" : "-"
                let padding = String(repeating: " ", count: width - size.count)
                ui.write("\(long ? row.oid[...] : row.oid.prefix(10)) \(mark) \(padding)\(size)  \(row.path)\(end)")
            }
        }
    }

    private func rows(_ ui: UserInterface) throws -> [Row] {
        if let first = arguments.first, rev != nil || List.isAddress(first) {
            let other = try ForeignRepository(url: first, revision: rev, temporary: Foreign.temporary)
            defer { other.close() }
            try other.bring(other.data.repository.files(inTree: other.commit.tree).filter(\.isRegularFile))
            let paths = arguments.dropFirst().map {
                $0.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
            }
            return try rows(other.data, tree: other.commit.tree, paths)
        }
        let session = try Session(common)
        let (tree, paths) = try target(session)
        return try rows(session.data, tree: tree, paths)
    }

    private func rows(_ data: DataRepository, tree: GitID?, _ paths: [String]) throws -> [Row] {
        let store = try data.openStore()
        var rows: [Row] = []
        let pointers = try tree.map { try data.pointers(inTree: $0) } ?? data.pointersInIndex()
        let absent = Set(try store.lacking(pointers.map(\.pointer.oid)))
        for file in pointers {
            rows.append(
                Row(
                    path: file.path, oid: file.pointer.oid.hex, size: file.pointer.size, isTracked: true,
                    isPresent: !absent.contains(file.pointer.oid)))
        }
        if all {
            let tracked = Set(rows.map(\.path))
            let others: [(String, GitID)] =
                try tree.map { try data.repository.files(inTree: $0).filter(\.isRegularFile).map { ($0.path, $0.id) } }
                ?? IndexFile(path: data.repository.indexPath).entries.filter { $0.stage == 0 }.map { ($0.path, $0.id) }
            for (path, id) in others where !tracked.contains(path) {
                let size = Int64(data.repository.blobSize(id) ?? 0)
                rows.append(Row(path: path, oid: id.hex, size: size, isTracked: false, isPresent: true))
            }
        }
        let patterns = paths.map { PathPattern($0.contains("*") ? $0 : "/" + $0) }
        return rows.filter { row in
            paths.isEmpty || paths.contains("") || patterns.contains { $0.matches(row.path) }
        }.sorted { $0.path < $1.path }
    }

    /// A URL, `host:path`, or a folder that is a repository of its own; a revision never looks like that.
    private static func isAddress(_ word: String) -> Bool {
        if word.contains("://") { return true }
        if Files.isDirectory(word) {
            return Files.exists(word + "/.git")
                || (Files.exists(word + "/HEAD") && Files.isDirectory(word + "/objects"))
        }
        guard let colon = word.firstIndex(of: ":") else { return false }
        return !word[..<colon].contains("/") && word[word.index(after: colon)...].contains("/") && word.contains("@")
    }

    /// The first word is a revision if it names one, as with `git log`; all others are paths.
    ///
    /// A bare repository has no index: there, HEAD stands for it.
    private func target(_ session: Session) throws -> (GitID?, [String]) {
        let head = session.data.repository.workTree == nil ? try session.data.repository.head()?.tree : nil
        guard let first = arguments.first else { return (head, []) }
        if let commit = try? session.data.repository.commit(first) {
            return (commit.tree, try session.paths(Array(arguments.dropFirst())))
        }
        let paths = try session.paths(arguments)
        let top = session.data.repository.workTree ?? ""
        if !Files.exists(top + "/" + (paths.first ?? "")) { _ = try session.data.repository.commit(first) }
        return (nil, paths)
    }
}
