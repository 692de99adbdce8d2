import Base
import Glibc
import Testing

/// A folder of its own for a test, removed at the end.
private final class Scratch {
    let path: String
    init() throws {
        var template = Array("/tmp/gitml-base-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }
    deinit { try? Files.remove(path) }
}

@Suite struct `Subprocesses` {
    @Test func `status and both outputs come back`() throws {
        let result = try Subprocess(["sh", "-c", "echo out; echo err >&2; exit 3"]).run()
        #expect(result.status == 3 && result.text == "out\n" && result.errorText == "err\n")
        #expect(try Subprocess(["sh", "-c", "kill -9 $$"]).run().status == 137)
    }

    @Test func `megabytes go in and come out at once`() throws {
        let input = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let result = try Subprocess(["sh", "-c", "tee /dev/stderr"], input: input).run()
        #expect(result.output == input && result.errors == input)
    }

    @Test func `a child that does not read its input is no error`() throws {
        let result = try Subprocess(["true"], input: [UInt8](repeating: 0, count: 1_000_000)).run()
        #expect(result.status == 0)
    }

    @Test func `the environment is changed as asked`() throws {
        let script = "echo \"$GITML_A|$GITML_B|$(pwd)\""
        let result = try Subprocess(
            ["sh", "-c", script], directory: "/", environment: ["GITML_A": "x y", "GITML_B": nil]
        ).run()
        #expect(result.text == "x y||/\n")
    }

    @Test func `a missing program is named`() {
        let error = #expect(throws: MLError.self) { try Subprocess(["no-such-program-here"]).run() }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("'no-such-program-here'") == true)
    }

    @Test func `check throws the program's last words`() {
        let error = #expect(throws: MLError.self) { try Subprocess(["sh", "-c", "echo why >&2; exit 2"]).check() }
        #expect(error?.code == .failed)
        #expect(error?.message.contains("exit 2") == true && error?.message.hasSuffix("why") == true)
    }
}

@Suite struct `Files and folders` {
    @Test(arguments: [
        Array("plain ü 💾".utf8), [0xFF], [0x61, 0xC3, 0x28, 0x62], Array("\u{10FF80}\u{10FFFF}".utf8),
        [0xF4, 0x8F, 0xBE], [],
        Array((0x80...0xFF) as ClosedRange<UInt8>), Array("a\u{10FE00}".utf8) + [0x80],
    ])
    func `names of any bytes are texts and back`(bytes: [UInt8]) throws {
        let text = String(path: bytes)
        #expect(text.pathBytes == bytes)
        #expect(text.withPath { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } == bytes)
        #expect(text.holdsRawBytes == (text.utf8.elementsEqual(bytes) == false))
        #expect(try JSON(parsing: JSON.string(text).compact()) == .string(text))
        #expect(!JSON.string(text).compact().holdsRawBytes)
        guard !bytes.isEmpty else { return }
        let scratch = try Scratch()
        try Files.writeAtomically("x", to: scratch.path + "/" + text)
        #expect(try Files.list(scratch.path) == [text])
        try Files.remove(scratch.path + "/" + text)
    }

    @Test func `an atomic write replaces the whole and leaves nothing beside it`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/a"
        try Files.writeAtomically("one", to: path)
        try Files.writeAtomically("two", to: path, mode: 0o600)
        #expect(try Files.readText(path) == "two")
        #expect(try Files.list(scratch.path) == ["a"])
        #expect(Files.status(path).map { $0.mode & 0o777 } == 0o600)
        #expect(throws: MLError.self) { try Files.writeAtomically("x", to: scratch.path + "/no/such") }
        // A device is written to and stays.
        let device = scratch.path + "/device"
        try Files.makeLink(device, target: Array("/dev/null".utf8))
        try Files.writeAtomically("x", to: device)
        #expect(Files.status(device)?.isSymbolicLink == true && Files.isSpecial(device) && !Files.isSpecial(path))
        #expect(throws: MLError.self) { try Files.rename(path, to: device) }
        try Files.remove(device)
        #expect(try Files.list(scratch.path) == ["a"])
    }

    @Test func `folders are made and removed with all they hold`() throws {
        let scratch = try Scratch()
        try Files.makeDirectories(scratch.path + "/a/b/c")
        try Files.makeDirectories(scratch.path + "/a/b")
        try Files.writeAtomically("x", to: scratch.path + "/a/b/c/f")
        symlink(scratch.path, scratch.path + "/a/link")
        try Files.remove(scratch.path + "/a")
        try Files.remove(scratch.path + "/a")
        #expect(try Files.list(scratch.path) == [])
        #expect(try Files.list(scratch.path + "/none") == [])
    }

    @Test func `a folder that cannot be made says why`() throws {
        let scratch = try Scratch()
        try Files.writeAtomically("x", to: scratch.path + "/file")
        #expect(throws: MLError.self) { try Files.makeDirectories(scratch.path + "/file/below") }
        let error = #expect(throws: MLError.self) { try Files.makeDirectories("/proc/no-such-folder") }
        #expect(error?.message.hasPrefix("cannot create folder '/proc/no-such-folder': ") == true)
    }

    @Test func `paths are joined and taken apart`() {
        #expect(Files.parent(of: "/a/b") == "/a" && Files.parent(of: "/a") == "/" && Files.parent(of: "a") == ".")
        #expect(Files.lastComponent(of: "/a/b/") == "b")
        #expect(Files.join("/a", "b") == "/a/b" && Files.join("/a/", "b") == "/a/b" && Files.join("/a", "/b") == "/b")
        #expect(Files.join(".", "b") == "b")
    }

    @Test func `ranges are read exactly or refused`() throws {
        let scratch = try Scratch()
        try Files.writeAtomically("0123456789", to: scratch.path + "/f")
        let file = try FileHandle(reading: scratch.path + "/f")
        #expect(try file.read(count: 3, at: 4) == Array("456".utf8))
        let error = #expect(throws: MLError.self) { try file.read(count: 5, at: 8) }
        #expect(error?.code == .corrupt)
    }

    @Test func `a lock keeps others out until it is closed`() throws {
        let scratch = try Scratch()
        let first = try FileHandle(updating: scratch.path + "/lock")
        #expect(try first.lock(wait: false))
        let second = try FileHandle(updating: scratch.path + "/lock")
        #expect(try !second.lock(wait: false))
        try first.close()
        #expect(try second.lock(wait: false))
    }
}

@Suite struct `Packet lines` {
    @Test func `packets have git's spelling`() throws {
        #expect(PktLine.encode(line: "hello") == Array("000ahello\n".utf8))
        #expect(PktLine.encode(nil) == Array("0000".utf8))
        #expect(PktLine.encode([UInt8](repeating: 1, count: PktLine.maximumPayload)).starts(with: Array("fff0".utf8)))
        #expect(try PktLine.payloadSize(Array("000a".utf8)) == 6)
        #expect(try PktLine.payloadSize(Array("0000".utf8)) == nil)
        #expect(try PktLine.payloadSize(Array("0004".utf8)) == 0)
    }

    @Test(arguments: ["0001", "0003", "fff1", "ffff", "zzzz", "00", "-001"]) func `other headers are refused`(
        _ text: String
    ) {
        #expect(throws: MLError.self) { try PktLine.payloadSize(Array(text.utf8)) }
    }
}

@Suite struct `Parallel work` {
    @Test func `results are in order and the first error wins`() throws {
        #expect(try parallelMap(count: 1000, workers: 4) { $0 * 2 } == (0..<1000).map { $0 * 2 })
        #expect(try parallelMap(count: 0) { $0 } == [])
        struct Bad: Error, Equatable { var index: Int }
        #expect(throws: Bad(index: 17)) {
            try parallelMap(count: 100, workers: 4) { index -> Int in
                if index == 17 || index == 60 { throw Bad(index: index) }
                return index
            }
        }
    }
}
