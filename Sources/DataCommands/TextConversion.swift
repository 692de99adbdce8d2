import ArgumentParser
import Base
import CommandKit
import DataDiff
import DataKit
import ObjectStore

struct TextConversion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "textconv", abstract: "Print a file, or what a pointer points to, as text for 'git diff'.",
        discussion: "Tables with their columns, models with their tensors, texts as they are. Nothing is fetched.")

    @Argument(help: ArgumentHelp("Content or a pointer; its name tells the kind.", valueName: "file")) var file: String
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        let handle = try FileHandle(reading: file)
        let source = try ContentSource(file: handle)
        if source.size < Int64(Pointer.sizeLimit),
            let pointer = Pointer.parse(try source.read(at: 0, length: Pointer.sizeLimit))
        {
            return try write(pointer, ui)
        }
        try ContentText.write(source, path: file) { try ui.write($0) }
    }

    /// A failure here would make git give up the whole diff, so what cannot be read is said in its place.
    private func write(_ pointer: Pointer, _ ui: UserInterface) throws {
        let name = "size \(pointer.size), sha256 \(pointer.oid)\n"
        do {
            let store = try DataRepository().openStore()
            guard try store.contains(pointer.oid) else {
                return ui.write("content not in the local store ('git mldata fetch' brings it)\n" + name)
            }
            let content = try StoredContent(pointer, in: store)
            let source = ContentSource(size: content.size) { try content.read(at: $0, length: $1) }
            try ContentText.write(source, path: file, oid: pointer.oid) { try ui.write($0) }
        } catch let error as MLError {
            ui.write("content cannot be read: \(error)\n" + name)
        }
    }
}
