import Archives
import Base

/// A program with all that it needs to run in an empty root: itself, and unless it is statically linked, the loader and the
/// libraries it names.
public struct ProgramFiles: Sendable {
    /// In the order of their paths.
    public let entries: [OCIEntry]
    /// Whether it needs nothing beside it.
    public let isStatic: Bool

    /// - Parameters:
    ///   - program: an executable of this machine's kind (ELF, 64 bit, little endian).
    ///   - path: where it goes, relative to the root.
    ///   - late: libraries that it does not name, but loads when it first needs them.
    /// - Throws: `MLError(.invalidInput)` for another kind of file; `MLError(.notFound)` when a library is missing.
    public init(_ program: String, at path: String, loading late: [String] = []) throws {
        let image = try ELFImage(program)
        var files = [path: (source: program, size: image.loadedSize)]
        isStatic = image.interpreter == nil
        if let loader = image.interpreter {
            // The loader says itself what it would load.
            let preload = late.isEmpty ? [] : ["--preload", late.joined(separator: ":")]
            let answer = try Subprocess([loader] + preload + ["--list", program]).run()
            guard answer.status == 0 else {
                throw MLError(.failed, "cannot find the libraries of '\(program)': \(answer.errorText)")
            }
            let libraries = try ProgramFiles.libraries(answer.text, program)
            // It leaves out, without failing, what it cannot load early.
            if let missing = late.first(where: { name in !libraries.contains { $0.name == name } }) {
                throw MLError(.notFound, "'\(program)' needs '\(missing)', which is not there")
            }
            // Where the C library lies, the loader looks without being told.
            let standard = libraries.first { $0.name.hasPrefix("libc.") }.map { Files.parent(of: $0.path) } ?? "/lib"
            for library in libraries {
                let source = try Files.realPath(library.path)
                let place =
                    library.name == loader ? String(loader.dropFirst()) : "\(standard.dropFirst())/\(library.name)"
                files[place] = (source, Files.status(source)?.size ?? 0)
            }
        }
        var folders: Set<String> = []
        for path in files.keys {
            var parent = Files.parent(of: path)
            while !parent.isEmpty, parent != "." {
                folders.insert(parent)
                parent = Files.parent(of: parent)
            }
        }
        let all =
            folders.map { OCIEntry($0, .folder) }
            + files.map { OCIEntry($0.key, .file($0.value.source, size: $0.value.size, isExecutable: true)) }
        entries = all.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// Reads `NAME => PATH (ADDRESS)` lines.
    private static func libraries(_ text: String, _ program: String) throws -> [(name: String, path: String)] {
        try text.split(separator: "\n").compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let name = words.first else { return nil }
            if words.count >= 3, words[1] == "=>" {
                guard words[2].hasPrefix("/") else {
                    throw MLError(.notFound, "'\(program)' needs '\(name)', which is not there")
                }
                return (name, words[2])
            }
            // The kernel's own library has no file; the loader stands alone with its path.
            return name.hasPrefix("/") ? (name, name) : nil
        }
    }
}

/// What is needed to know of an executable (ELF-64 object file format, version 1.5).
struct ELFImage {
    /// The loader; nil for a statically linked program.
    let interpreter: String?
    /// Bytes up to the end of what is loaded: what follows are symbols and debugging information, which running needs not.
    let loadedSize: Int64

    init(_ path: String) throws {
        let file = try FileHandle(reading: path)
        let size = try file.status().size
        func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64 {
            (0..<count).reduce(0) { $0 | Int64(bytes[offset + $1]) << (8 * Int64($1)) }
        }
        let header = try file.read(count: Int(min(64, size)), at: 0)
        guard header.count == 64, Array(header.prefix(6)) == [0x7f, 0x45, 0x4c, 0x46, 2, 1] else {
            throw MLError(.invalidInput, "'\(path)' is no 64-bit Linux program")
        }
        let (place, length, count) = (number(header, 32, 8), Int(number(header, 54, 2)), number(header, 56, 2))
        var interpreter: String?
        var end = place + Int64(length) * count
        for index in 0..<count {
            let entry = try file.read(count: length, at: place + Int64(length) * index)
            let (type, offset, bytes) = (number(entry, 0, 4), number(entry, 8, 8), number(entry, 32, 8))
            end = max(end, offset + bytes)
            if type == 3 {
                interpreter = String(
                    decoding: try file.read(count: Int(bytes), at: offset).prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        guard end <= size else { throw MLError(.corrupt, "'\(path)' is cut off") }
        self.interpreter = interpreter
        loadedSize = end
    }
}
