import ArgumentParser
import Base
import CommandKit
import Glibc
import ObjectStore

/// The filter is a program of its own, so that what Git starts is small; these spellings lead to it.
enum FilterProgram {
    static func become(_ arguments: [String]) throws -> Never {
        let program = Executable.sibling("git-mldata-filter")
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        argv.append(nil)
        execvp(program, argv)
        throw Files.ioError("cannot run '\(program)'")
    }
}

struct Clean: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read content on standard input, store it, print its pointer.")
    @Argument(help: "What to call it in messages.") var path: String?
    func run() throws { try FilterProgram.become(["clean", "--"] + (path.map { [$0] } ?? [])) }
}

struct Smudge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a pointer on standard input, print the content.")
    @Argument(help: "What to call it in messages.") var path: String?
    func run() throws { try FilterProgram.become(["smudge", "--"] + (path.map { [$0] } ?? [])) }
}

struct FilterProcess: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter-process", abstract: "Speak git's long-running filter protocol.")
    func run() throws { try FilterProgram.become(["filter-process"]) }
}

struct PointerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pointer", abstract: "Print the pointer of a file, or check one.",
        discussion:
            "--check exits 0 for a pointer, 1 for anything else, 2 with --strict for a pointer that is not canonical.")

    @Flag(help: "Check that the file (or standard input) is a pointer.") var check = false
    @Flag(help: "With --check: it must be canonical, byte for byte.") var strict = false
    @Argument var file: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        let ui = try UserInterface(common)
        guard check else {
            guard let file else { throw MLError(.usage, "which file?", hint: "git mldata pointer FILE") }
            let status = Files.status(file)
            let pointer = Pointer(oid: try ObjectID.ofFile(file), size: status?.size ?? 0)
            return try ui.write(pointer.encoded)
        }
        let handle = try file.map { try FileHandle(reading: $0) } ?? FileHandle(borrowing: 0, path: "standard input")
        let bytes = try handle.readToEnd()
        guard bytes.count < Pointer.sizeLimit, Pointer.parse(bytes) != nil else { throw ExitCode(ExitStatus.negative) }
        if strict && !Pointer.isCanonical(bytes) { throw ExitCode(2) }
    }
}
