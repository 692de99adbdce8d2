import Archives
import ArgumentParser
import Base
import CommandKit
import Reports

struct Unpack: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack",
        abstract: "Unpack an archive (tar, zip, wheel, …) into a folder.",
        discussion:
            "Every common format and compression (tar, zip, 7z, cpio, rar, …); nothing is ever written outside the folder."
    )

    @Argument(help: ArgumentHelp("The archive.", valueName: "file")) var file: String
    @Argument(help: ArgumentHelp("Where to (default: here).", valueName: "dir")) var directory = "."
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let summary = try ArchiveReader.extract(file, into: directory, progress: ui.progress)
        ui.summary("Unpacked \(Quantity.count(summary.files, "file")), \(Quantity.bytes(summary.bytes))")
    }
}
