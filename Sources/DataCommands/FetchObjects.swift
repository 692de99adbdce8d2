import ArgumentParser
import Base
import CommandKit
import DataKit

/// What the filter starts when a smudge needs content that is not here.
struct FetchObjects: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch-objects", abstract: "Download objects named on standard input.", shouldDisplay: false)

    @Flag(help: "Read ids from standard input, one a line.") var stdin = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let text = String(
            decoding: try FileHandle(borrowing: 0, path: "standard input").readToEnd(), as: UTF8.self)
        let ids = text.split(separator: "\n").compactMap { ObjectID(hex: $0) }
        try Downloader(session.data).require(ids, progress: session.ui.progress)
    }
}
