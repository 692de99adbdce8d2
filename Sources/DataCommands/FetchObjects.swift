import ArgumentParser
import Base
import CommandKit
import DataKit
import ObjectStore

/// What the filter starts when a smudge needs content that is not here.
struct FetchObjects: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch-objects", abstract: "Download objects named on standard input, 'ID SIZE' a line.",
        shouldDisplay: false)

    @Flag(help: "Read ids and sizes from standard input, one object a line.") var stdin = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let text = String(
            decoding: try FileHandle(borrowing: 0, path: "standard input").readToEnd(), as: UTF8.self)
        let pointers = text.split(separator: "\n").compactMap { line -> Pointer? in
            let fields = line.split(separator: " ")
            guard fields.count == 2, let oid = ObjectID(hex: fields[0]), let size = Int64(fields[1]) else { return nil }
            return Pointer(oid: oid, size: size)
        }
        try Downloader(session.data).require(pointers, progress: session.ui.progress)
    }
}
