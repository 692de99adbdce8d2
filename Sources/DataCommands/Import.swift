import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import ObjectStore
import Remotes
import Reports

struct ImportPath: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take a file or folder of another repository into this one, and record where from.",
        discussion:
            "What was taken is written to .mldata/imports, so that 'git mldata update' can bring newer versions.")

    @Argument(help: ArgumentHelp("The other repository: a URL or a path.", valueName: "url")) var url: String
    @Argument(help: ArgumentHelp("A file or folder in it.", valueName: "path")) var path: String
    @Option(help: ArgumentHelp("Branch, tag or commit to follow (default: its HEAD).", valueName: "rev")) var rev:
        String?
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("Where to put it (default: its own name, here).", valueName: "out")) var output: String?
    @Flag(help: "Overwrite what is there.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let got = try Foreign.download(url, path, revision: rev, to: output, force: force, session.ui)
        let target = try session.data.repository.repositoryPath(got.target)
        // A relative address is kept relative to the top, where everybody runs 'update' from.
        let address = Files.isDirectory(url) && !url.hasPrefix("/") ? try Files.realPath(url) : url
        try Importing.settle(
            Imports.Entry(
                target: target,
                source: .repository(url: address, path: path, rev: rev, commit: got.commit.hex)), session)
        session.ui.summary(
            "Imported \(Quantity.count(got.summary.count, "file")), \(Quantity.bytes(got.summary.bytes)), "
                + "from \(got.commit.short) to '\(target)'")
    }
}

struct ImportURL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-url",
        abstract: "Take a file from a URL or path into this repository, and record where from.",
        discussion: "Example:\n  git mldata import-url https://host/reviews.tsv data/reviews.tsv")

    @Argument(help: ArgumentHelp("http(s)://, file:// or a path.", valueName: "url")) var url: String
    @Argument(help: ArgumentHelp("Where to put it (default: the URL's last part, here).", valueName: "path")) var path:
        String?
    @Flag(help: "Overwrite what is there.") var force = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let name = url.prefix { $0 != "?" && $0 != "#" }
        var target = path ?? Files.lastComponent(of: String(name))
        if Files.isDirectory(target) { target += "/" + Files.lastComponent(of: String(name)) }
        if !force, Files.exists(target) {
            throw MLError(
                .conflict, "'\(target)' exists already",
                hint: "--force overwrites it, a second argument names another place")
        }
        let address = !url.contains("://") && !url.hasPrefix("/") ? try Files.realPath(url) : url
        guard
            case .changed(let etag, let bytes) = try RemoteFile.fetch(
                address, unless: nil, to: target, progress: session.ui.progress)
        else { throw MLError(.io, "'\(address)' gave no content") }
        let inside = try session.data.repository.repositoryPath(target)
        try Importing.settle(Imports.Entry(target: inside, source: .url(address, etag: etag)), session)
        session.ui.summary("Imported \(Quantity.bytes(bytes)) to '\(inside)'")
    }
}

struct Update: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Bring newer versions of imported files.",
        discussion: "Without paths: all that .mldata/imports lists. Follows the revision each was imported with.")

    @Argument(help: ArgumentHelp("Imported files and folders.", valueName: "path")) var paths: [String] = []
    @Option(help: ArgumentHelp("Follow this branch, tag or commit from now on.", valueName: "rev")) var rev: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let top = try session.data.repository.requireWorkTree()
        let entries = try Imports(session.data.repository).entries()
        let wanted = try session.paths(paths)
        for path in wanted where !entries.contains(where: { $0.target == path }) {
            throw MLError(
                .notFound, "'\(path)' was not imported",
                hint: entries.isEmpty
                    ? "'git mldata import URL PATH' imports"
                    : "imported are: " + entries.map(\.target).joined(separator: ", "))
        }
        var updated = 0
        for entry in entries where wanted.isEmpty || wanted.contains(entry.target) {
            guard let source = try update(entry, top, session.ui) else { continue }
            try Importing.settle(Imports.Entry(target: entry.target, source: source), session)
            session.ui.summary("Updated '\(entry.target)'")
            updated += 1
        }
        if updated == 0 { session.ui.summary("Everything is up to date.") }
    }

    /// Brings what is new; nil when nothing is.
    private func update(_ entry: Imports.Entry, _ top: String, _ ui: UserInterface) throws -> Imports.Entry.Source? {
        let target = top + "/" + entry.target
        switch entry.source {
        case .url(let url, let etag):
            guard
                case .changed(let newTag, _) = try RemoteFile.fetch(
                    url, unless: Files.exists(target) ? etag : nil, to: target, progress: ui.progress)
            else { return nil }
            return .url(url, etag: newTag)
        case .repository(let url, let path, let followed, let commit):
            let revision = rev ?? followed
            let other = try ForeignRepository(url: url, revision: revision, temporary: Foreign.temporary)
            let newest = other.commit.id.hex
            other.close()
            if newest == commit && Files.exists(target) && revision == followed { return nil }
            // The whole of it anew: a file that is gone there is gone here too.
            let scratch = Files.temporaryName(beside: target)
            defer { try? Files.remove(scratch) }
            let got = try Foreign.download(url, path, revision: newest, to: scratch, force: true, ui)
            if Files.isDirectory(target) { try Files.remove(target) }
            try Files.rename(scratch, to: target)
            return .repository(url: url, path: path, rev: revision, commit: got.commit.hex)
        }
    }
}

/// What every import ends with: the file is tracked, added, and its origin staged with it.
enum Importing {
    static func settle(_ entry: Imports.Entry, _ session: Session) throws {
        try session.ensureInstalled()
        try Add.track([entry.target], session)
        _ = try Adder(session.data).add([entry.target], progress: session.ui.progress)
        let imports = try Imports(session.data.repository)
        try imports.record(entry)
        try session.data.repository.git.run(["add", "--force", "--", Imports.path])
    }
}
