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
        commandName: "clean",
        abstract: "Read content on standard input, store it, print its pointer.")
    @Argument(help: "What to call it in messages.") var path: String?
    func run() throws { try FilterProgram.become(["clean", "--"] + (path.map { [$0] } ?? [])) }
}

struct Smudge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "smudge",
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
    @Option(name: .customLong("file"), help: ArgumentHelp("The same as naming it alone.", valueName: "file"))
    var named: String?
    @Option(
        help: ArgumentHelp("Compare with this pointer: exits 1 when it is another.", valueName: "file"))
    var pointer: String?
    @Flag(help: "Read standard input: a pointer to check, or one to compare with.") var stdin = false
    @Argument(help: ArgumentHelp("A file with content; with --check, a pointer.", valueName: "file"))
    var argument: String?
    @OptionGroup var common: CommonOptions

    private var file: String? { named ?? argument }

    func run() throws {
        let ui = try UserInterface(common)
        if named != nil && argument != nil || pointer != nil && stdin || check && stdin && file != nil {
            throw MLError(.usage, "more than one file is named for one purpose")
        }
        guard check else {
            if pointer != nil || stdin { return try compare(ui) }
            guard let file else { throw MLError(.usage, "which file?", hint: "git mldata pointer FILE") }
            let status = Files.status(file)
            let pointer = Pointer(oid: try ObjectID.ofFile(file), size: status?.size ?? 0)
            return try ui.write(pointer.encoded)
        }
        let handle = try file.map { try FileHandle(reading: $0) } ?? FileHandle(borrowing: 0, path: "standard input")
        // One byte more than a pointer can have tells it from all that is longer.
        let bytes = try [UInt8](unsafeUninitializedCapacity: Pointer.sizeLimit) { buffer, count in
            count = try handle.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        // An empty file is its own pointer.
        if bytes.isEmpty { return }
        guard bytes.count < Pointer.sizeLimit, Pointer.parse(bytes) != nil else { throw ExitCode(ExitStatus.negative) }
        if strict && !Pointer.isCanonical(bytes) { throw ExitCode(2) }
    }

    /// Prints the pointer of the file, if one is named, and the other one; tells whether they are the same.
    private func compare(_ ui: UserInterface) throws {
        let other =
            try pointer.map { try Files.read($0) }
            ?? FileHandle(borrowing: 0, path: "standard input").readToEnd()
        guard other.count < Pointer.sizeLimit, Pointer.parse(other) != nil else {
            throw MLError(.invalidInput, "'\(pointer ?? "standard input")' is not a pointer")
        }
        if let file {
            let ours = Pointer(oid: try ObjectID.ofFile(file), size: Files.status(file)?.size ?? 0).encoded
            try ui.write(ours)
            if ours != other {
                try ui.write(other)
                ui.status("The pointers differ.")
                throw ExitCode(ExitStatus.negative)
            }
        } else {
            try ui.write(other)
        }
    }
}
