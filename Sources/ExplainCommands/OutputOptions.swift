import ArgumentParser
import Base
import CommandKit
import Reports

/// Where results go, and in which form.
struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("table, json, html, svg or md.", valueName: "format")) var format = "table"
    @Flag(help: "The same as --format json.") var json = false
    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write to this file.", valueName: "file")) var output:
        String?
    @Flag(help: "Keep the result as a note on the model's commit (refs/notes/mlexplain).") var record = false

    func parsed() throws -> OutputFormat { try OutputFormat.parse(json ? "json" : format) }

    /// Writes a result in one step.
    func write(_ text: String, _ ui: UserInterface) throws {
        guard let output else { return ui.write(text) }
        try Files.writeAtomically(text, to: output)
        ui.status("Written to \(output)")
    }

    /// Shows tables or their JSON.
    ///
    /// - Parameters:
    ///   - title: of pages and pictures.
    ///   - remarks: lines below the tables.
    func write(
        title: String, tables: [Table], remarks: [String] = [], json: JSON, _ ui: UserInterface
    ) throws {
        switch try parsed() {
        case .json: try write(json.pretty(), ui)
        case .html: try write(TablePage.html(title: title, tables: tables, remarks: remarks), ui)
        case .svg: try write(TableDrawing.svg(title: title, tables: tables, remarks: remarks), ui)
        case .md:
            let parts =
                tables.map { $0.markdown() } + (remarks.isEmpty ? [] : [remarks.joined(separator: "\n\n") + "\n"])
            try write(parts.joined(separator: "\n"), ui)
        case .table:
            let (width, colour) = output == nil ? (ui.terminal.width, ui.terminal.colors) : (nil, .none)
            let parts =
                tables.map { $0.terminal(width: width, colour: colour) }
                + (remarks.isEmpty ? [] : [remarks.map { $0 + "\n" }.joined()])
            try write(parts.joined(separator: "\n"), ui)
        }
    }
}

/// A result that is written while it is made, to standard output or to a file that appears when it is whole.
struct ResultStream {
    private let ui: UserInterface
    private let file: (handle: FileHandle, temporary: String, path: String)?

    init(_ path: String?, _ ui: UserInterface) throws {
        self.ui = ui
        file = try path.map {
            // Of the file that was asked for, not of the one beside it.
            let folder = Files.parent(of: $0)
            guard Files.exists(folder) else {
                throw MLError(.notFound, "cannot write '\($0)': there is no folder '\(folder)'")
            }
            let temporary = Files.temporaryName(beside: $0)
            return (try FileHandle(creating: temporary), temporary, $0)
        }
    }

    func write(_ text: String) throws {
        if let file { try file.handle.writeAll(text) } else { ui.write(text) }
    }

    /// Runs `body` and puts the file in its place, or removes what there is of it.
    func finish(_ body: () throws -> Void) throws {
        do {
            try body()
            guard let file else { return }
            try file.handle.synchronize()
            try file.handle.close()
            try Files.rename(file.temporary, to: file.path)
            Files.synchronizeDirectory(Files.parent(of: file.path))
            ui.status("Written to \(file.path)")
        } catch {
            if let file { try? Files.remove(file.temporary) }
            throw error
        }
    }
}
