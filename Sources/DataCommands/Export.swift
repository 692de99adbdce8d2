import Archives
import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Glibc
import Reports

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the files of a commit, with their real content, into an archive.",
        discussion: """
            The same commit gives the same bytes, everywhere. The ending chooses the format: .tar, .tar.gz, .tar.zst,
            .tar.xz, .tar.bz2 or .zip.

            Examples:
              git mldata export v1.0 -o release.tar.zst
              git mldata export HEAD data models -o data.zip --prefix project/
              git mldata export HEAD --format tar.gz -o - | ssh host 'tar xz'
            """)

    @Argument(help: ArgumentHelp("The commit.", valueName: "rev")) var revision: String
    @Argument(help: ArgumentHelp("Only these files and folders.", valueName: "path")) var paths: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("The archive to write; '-' is standard output.", valueName: "file"))
    var output: String
    @Option(
        help: ArgumentHelp(
            "tar, tar.gz, tar.zst, tar.xz, tar.bz2 or zip (default: by the file's name).", valueName: "format"))
    var format: String?
    @Option(help: ArgumentHelp("Put everything into this folder of the archive.", valueName: "dir")) var prefix = ""
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        if format == nil && output == "-" {
            throw MLError(.usage, "standard output has no name to choose the format by", hint: "add --format tar.gz")
        }
        let format = try ArchiveFormat(named: format ?? output)
        let commit = try session.data.repository.commit(revision)
        let entries = try TreeExport(session.data, commit: commit, paths: typedPaths(session), revision: revision)
        try Downloader(session.data).require(entries.needed, progress: session.ui.progress)
        for path in entries.leftAsPointers {
            session.ui.warning("'\(path)' needs Git LFS extensions, unknown here; exported as a pointer")
        }
        // Zip keeps times in local time; the same commit shall give the same bytes in every country.
        setenv("TZ", "UTC", 1)
        tzset()
        if output == "-" {
            try write(entries, FileHandle(borrowing: 1, path: "standard output"), format, commit, session)
            return
        }
        if Files.isSpecial(output) {
            return try write(entries, FileHandle(appendingTo: output), format, commit, session)
        }
        let temporary = Files.temporaryName(beside: output)
        do {
            let file = try FileHandle(creating: temporary)
            try write(entries, file, format, commit, session)
            try file.synchronize()
            try file.close()
            try Files.rename(temporary, to: output)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
        Files.synchronizeDirectory(Files.parent(of: output))
        let size = Files.status(output)?.size ?? 0
        session.ui.print(
            "Exported \(Quantity.count(entries.files.count, "file")), \(Quantity.bytes(entries.bytes)), "
                + "as \(Quantity.bytes(size)) in '\(output)'")
    }

    /// A bare repository has no folder to stand in: paths are from the top.
    private func typedPaths(_ session: Session) throws -> [String] {
        session.data.repository.workTree == nil ? paths : try session.paths(paths)
    }

    private func write(
        _ entries: TreeExport, _ file: FileHandle, _ format: ArchiveFormat, _ commit: Commit, _ session: Session
    ) throws {
        let writer = try ArchiveWriter(file, format: format, time: commit.time)
        let folder = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        let progress = session.ui.progress
        for (index, entry) in entries.files.enumerated() {
            let kind: ArchiveWriter.Kind =
                switch entry.kind {
                case .file(let size): .file(size: size, isExecutable: entry.isExecutable)
                case .symbolicLink(let target): .symbolicLink(target: target)
                case .submodule: .folder
                }
            try writer.add(folder + entry.path, kind) { try entries.send(entry, to: $0) }
            progress.report("Exporting", completed: index + 1, total: entries.files.count, detail: entry.path)
        }
        try writer.finish()
    }
}
