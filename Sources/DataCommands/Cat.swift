import ArgumentParser
import Base
import CommandKit
import DataKit

struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Print the content of a file at a revision, or a part of it.",
        discussion: "Example:\n  git mldata cat HEAD~1:data/test.tsv --length 100")

    @Argument(help: ArgumentHelp("REV:PATH, as in 'git show'.", valueName: "rev:path")) var object: String
    @Option(help: ArgumentHelp("Start at this byte.", valueName: "n")) var offset: Int64 = 0
    @Option(help: ArgumentHelp("At most so many bytes.", valueName: "n")) var length: Int?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        guard let colon = object.firstIndex(of: ":") else {
            throw MLError(.usage, "'\(object)' is not REV:PATH", hint: "for example HEAD:data/test.tsv")
        }
        let revision = colon == object.startIndex ? "HEAD" : String(object[..<colon])
        let commit = try session.data.repository.commit(revision)
        let path = String(object[object.index(after: colon)...])
        guard let entry = try session.data.repository.entry(inTree: commit.tree, at: path), entry.isRegularFile else {
            throw MLError(.notFound, "path '\(path)' does not exist in '\(revision)'")
        }
        guard let pointer = try session.data.pointer(entry.id) else {
            return try session.ui.write(slice(session.data.repository.readBlob(entry.id)))
        }
        try Downloader(session.data).require([pointer], progress: session.ui.progress)
        let store = try session.data.openStore()
        let end = min(pointer.size, length.map { offset + Int64($0) } ?? pointer.size)
        // A piece at a time: the file may be larger than memory.
        var position = offset
        while position < end {
            let part = try store.readRange(pointer.oid, offset: position, length: Int(min(end - position, 4 << 20)))
            if part.isEmpty { break }
            try session.ui.write(part)
            position += Int64(part.count)
        }
    }

    private func slice(_ bytes: [UInt8]) -> [UInt8] {
        let rest = bytes.dropFirst(Int(min(Int64(bytes.count), max(0, offset))))
        return Array(length.map { rest.prefix(max(0, $0)) } ?? rest)
    }
}
