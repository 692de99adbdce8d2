import Base
import DataFilter
import Glibc
import ObjectStore
import Testing

@Suite struct `The filter protocol` {
    @Test func `the handshake answers with the capabilities git offers and no others`() throws {
        let box = try Sandbox()
        let all = try box.converse(Say.hello)
        #expect(all.status == 0 && all.errorText == "")
        #expect(
            text(try lists(all.output).flatMap { $0 })
                == "git-filter-server\nversion=2\ncapability=clean\ncapability=smudge\ncapability=delay\n")
        let some = try box.converse(
            Say.list("git-filter-client", "version=3", "version=2") + Say.list("capability=clean", "capability=x"))
        #expect(text(try lists(some.output)[1]) == "capability=clean\n")
        let other = try box.converse(Say.list("hello"))
        #expect(other.status == 128)
        #expect(other.errorText.hasPrefix("fatal: ") && other.errorText.contains("\nhint: "))
        #expect(try box.converse([]).status == 0)
    }

    @Test(arguments: [1, 100, 1024, 70_000, 3_000_000]) func `clean answers a pointer and keeps the content`(
        _ length: Int
    ) throws {
        let box = try Sandbox()
        let bytes = randomBytes(length, seed: 1)
        let result = try box.converse(Say.hello + Say.clean("a b=c.bin", bytes, step: 5000))
        let answer = try lists(result.output)
        #expect(answer.count == 5)
        #expect(text(answer[2]) == "status=success\n")
        #expect(Array(answer[3].joined()) == pointer(to: bytes).encoded)
        #expect(answer[4] == [])
        #expect(try box.store().read(ObjectID.of(bytes)) == bytes)
    }

    @Test func `clean leaves nothing and pointers as they are, and takes pseudo pointers for content`() throws {
        let box = try Sandbox()
        let known = pointer(to: [1]).encoded
        let crlf = Array(String(decoding: known, as: UTF8.self).replacing("\n", with: "\r\n").utf8)
        let pseudo = known + Array("junk".utf8)
        let result = try box.converse(Say.hello + [[], known, crlf, pseudo].flatMap { Say.clean("x.bin", $0) })
        let answers = try lists(result.output)
        #expect(answers[3] == [])
        #expect(answers[6] == [known])
        #expect(answers[9] == [crlf])
        #expect(answers[12] == [pointer(to: pseudo).encoded])
    }

    @Test(arguments: [1, 1500, 300_000, 1 << 20]) func `smudge answers the content`(_ length: Int) throws {
        let box = try Sandbox()
        let bytes = randomBytes(length, seed: 2)
        _ = try box.converse(Say.hello + Say.clean("x.bin", bytes))
        let answer = try lists(
            try box.converse(Say.hello + Say.smudge("x.bin", pointer(to: bytes).encoded, delay: true)).output)
        #expect(text(answer[2]) == "status=success\n")
        #expect(Array(answer[3].joined()) == bytes)
        #expect(answer[4] == [])
    }

    @Test(arguments: [0, 5, 1023, 1024, 1025, 200_000, 12_000_000]) func `smudge passes other content through`(
        _ length: Int
    ) throws {
        let box = try Sandbox()
        let bytes = randomBytes(length, seed: 3)
        let result = try box.converse(Say.hello + Say.smudge("x.bin", bytes))
        #expect(result.errorText == "")
        #expect(Array(try lists(result.output)[3].joined()) == bytes)
    }

    @Test func `a corrupt pointer passes through with a warning`() throws {
        let box = try Sandbox()
        let bytes = Array(pointer(to: [1]).encoded.dropLast(40))
        let result = try box.converse(Say.hello + Say.smudge("x.bin", bytes))
        #expect(Array(try lists(result.output)[3].joined()) == bytes)
        #expect(result.errorText.hasPrefix("warning: 'x.bin' holds a corrupt pointer\nhint: "))
    }

    /// The stand-in copies packs from a folder, as a fetch would bring them.
    static let fetching = """
        echo "$@" >>$LOG
        if [ "$1" = fetch-objects ]; then
            cat >>$LOG
            mkdir -p .git/mldata/packs
            cp "$(dirname "$LOG")"/remote/packs/* .git/mldata/packs/
        else cat >/dev/null; fi
        """

    @Test func `missing files are delayed and fetched all at once`() throws {
        let box = try Sandbox(child: Self.fetching)
        let files = [randomBytes(1000, seed: 4), randomBytes(400_000, seed: 5), randomBytes(10, seed: 6)]
        let remote = try ObjectStore(root: box.path + "/remote")
        let writer = try remote.makeWriter()
        for file in files { _ = try writer.add(file) }
        try writer.finish()
        var input = Say.hello
        for (index, file) in files.enumerated() {
            input += Say.smudge("\(index).bin", pointer(to: file).encoded, delay: true)
        }
        input += Say.list("command=list_available_blobs")
        for index in [2, 0, 1] { input += Say.smudge("\(index).bin", []) }
        input += Say.list("command=list_available_blobs")
        let result = try box.converse(input)
        let answer = try lists(result.output)
        #expect(answer[2...4].map(text) == [String](repeating: "status=delayed\n", count: 3))
        #expect(text(answer[5]) == "pathname=0.bin\npathname=1.bin\npathname=2.bin\n")
        #expect(text(answer[6]) == "status=success\n")
        for (place, index) in [2, 0, 1].enumerated() { #expect(Array(answer[8 + place * 3].joined()) == files[index]) }
        #expect(answer[16] == [] && text(answer[17]) == "status=success\n" && answer.count == 18)
        let oids = files.map { "\(ObjectID.of($0).hex) \($0.count)\n" }.joined()
        #expect(box.log == "fetch-objects --stdin\n\(oids)sync --from-filter --stdin --first-contact\n")
    }

    @Test func `a missing file that cannot be delayed is fetched alone`() throws {
        let box = try Sandbox(child: Self.fetching)
        let bytes = randomBytes(5000, seed: 7)
        let writer = try ObjectStore(root: box.path + "/remote").makeWriter()
        _ = try writer.add(bytes)
        try writer.finish()
        let result = try box.converse(Say.hello + Say.smudge("x.bin", pointer(to: bytes).encoded))
        #expect(Array(try lists(result.output)[3].joined()) == bytes)
    }

    @Test func `a file that is nowhere is an error with a hint, or a pointer where that is allowed`() throws {
        let box = try Sandbox(child: "cat >/dev/null; exit 1")
        let known = pointer(to: [1, 2, 3]).encoded
        let strict = try box.converse(Say.hello + Say.smudge("x.bin", known))
        #expect(text(try lists(strict.output)[2]) == "status=error\n")
        #expect(strict.errorText.contains("fatal: cannot fetch 'x.bin'"))
        #expect(strict.errorText.contains("\nhint: "))
        try box.setting("skipDownloadErrors", "1")
        let lenient = try box.converse(Say.hello + Say.smudge("x.bin", known))
        #expect(try lists(lenient.output)[3] == [known])
        #expect(lenient.errorText.contains("warning: cannot fetch 'x.bin'"))
    }

    @Test func `skipping and the size limit leave pointers, and only the limit starts a sync`() throws {
        let box = try Sandbox(child: "echo \"$@\" >>$LOG; tr '\\0' '|' >>$LOG")
        let big = randomBytes(2 << 20, seed: 8)
        _ = try box.converse(Say.hello + Say.clean("x.bin", big))
        let asked =
            Say.hello + Say.smudge("d/a b.bin", pointer(to: big).encoded, delay: true)
            + Say.smudge("ü.bin", pointer(to: big).encoded, delay: true)
        let skipped = try box.converse(asked, environment: ["GIT_MLDATA_SKIP_SMUDGE": "1"])
        #expect(try lists(skipped.output)[3] == [pointer(to: big).encoded])
        #expect(box.log == "")
        let limited = try box.converse(asked)
        #expect(try lists(limited.output)[3] == [pointer(to: big).encoded])
        #expect(box.log == "sync --from-filter --stdin\nd/a b.bin|ü.bin|")
        // `git archive` alone names a tree and cannot wait: nobody would fill in its pointers.
        let archived = try box.converse(Say.hello + Say.smudge("d/a b.bin", pointer(to: big).encoded))
        #expect(Array(try lists(archived.output)[3].joined()) == big)
        try box.setting("inlineLimit", "4m")
        #expect(Array(try lists(try box.converse(asked).output)[3].joined()) == big)
    }

    @Test func `nothing is fetched to be looked at`() throws {
        let box = try Sandbox(child: "echo \"$@\" >>$LOG; cat >>$LOG")
        let (here, missing, big) = (randomBytes(10, seed: 20), pointer(to: [1, 2, 3]), randomBytes(2 << 20, seed: 21))
        // A pointer that stands in the work tree already is nothing that git wrote.
        try box.write(missing.encoded, to: "missing.bin")
        let result = try box.converse(
            Say.hello + Say.clean("here.bin", here) + Say.clean("big.bin", big)
                + Say.look("here.bin", pointer(to: here).encoded) + Say.look("missing.bin", missing.encoded)
                + Say.look("big.bin", pointer(to: big).encoded))
        let answer = try lists(result.output)
        #expect(result.errorText == "" && box.log == "")
        #expect(Array(answer[9].joined()) == here)
        #expect(Array(answer[12].joined()) == missing.encoded)
        #expect(Array(answer[15].joined()) == pointer(to: big).encoded)
    }

    @Test func `a failing sync is a warning, not a failure`() throws {
        let box = try Sandbox(child: "cat >/dev/null; exit 3")
        let big = randomBytes(2 << 20, seed: 9)
        let result = try box.converse(
            Say.hello + Say.clean("x.bin", big) + Say.smudge("x.bin", pointer(to: big).encoded))
        #expect(result.status == 0)
        #expect(result.errorText.contains("warning: ") && result.errorText.contains("hint: run 'git mldata sync'"))
    }

    @Test func `a damaged object is an error and no content`() throws {
        let box = try Sandbox()
        let bytes = randomBytes(400_000, seed: 10)
        _ = try box.converse(Say.hello + Say.clean("x.bin", bytes))
        let name = try #require(try Files.list(box.repository + "/.git/mldata/packs").first { $0.hasSuffix(".pack") })
        let file = try FileHandle(updating: box.repository + "/.git/mldata/packs/" + name)
        try file.seek(to: 200_000)
        try file.writeAll([UInt8](repeating: 7, count: 100))
        let result = try box.converse(Say.hello + Say.smudge("x.bin", pointer(to: bytes).encoded))
        #expect(text(try #require(try lists(result.output).last)) == "status=error\n")
        #expect(result.errorText.contains("fatal: cannot check out 'x.bin'"))
        #expect(result.errorText.contains("hint: run 'git mldata fsck'"))
    }

    @Test func `an unknown command is refused and the process goes on`() throws {
        let box = try Sandbox()
        let input = Say.hello + Say.list("command=dance", "pathname=x") + Say.content([1]) + Say.clean("x.bin", [])
        let answer = try lists(try box.converse(input).output)
        #expect(text(answer[2]) == "status=abort\n" && text(answer[3]) == "status=success\n")
    }

    @Test func `a conversation cut anywhere ends and leaves a sound store`() throws {
        let box = try Sandbox(child: "echo \"$@\" >>$LOG")
        let bytes = randomBytes(300_000, seed: 11)
        let input = Say.hello + Say.clean("x.bin", bytes) + Say.smudge("x.bin", pointer(to: bytes).encoded, delay: true)
        var random = SeededRandom(seed: 11, purpose: "cuts")
        for _ in 0..<25 {
            let result = try box.converse(Array(input.prefix(random.below(input.count))))
            #expect(result.status == 0 || result.status == 128)
        }
        #expect(try box.store().verify() == [])
    }

    @Test(arguments: 0..<20) func `random bytes never hang or crash it`(_ seed: Int) throws {
        let box = try Sandbox()
        var random = SeededRandom(seed: UInt64(seed), purpose: "garbage")
        var input =
            Say.hello + Say.clean("x.bin", randomBytes(500, seed: 12)) + Say.smudge("y.bin", pointer(to: [1]).encoded)
        for _ in 0..<5 { input[random.below(input.count)] = UInt8(random.below(256)) }
        #expect([0, 128].contains(try box.converse(input).status))
    }

    @Test func `a killed filter has lost nothing it answered`() throws {
        let box = try Sandbox()
        let first = randomBytes(2_500_000, seed: 13)
        let second = Say.clean("y.bin", randomBytes(6_000_000, seed: 14))
        try Files.writeAtomically(
            Say.hello + Say.clean("x.bin", first) + second.prefix(5_000_000), to: box.path + "/input")
        let script = """
            mkfifo in; '\(box.filter)' filter-process <in >out & pid=$!
            cd .. ; exec 3>repo/in; cat input >&3
            while ! grep -q 'size 2500000' repo/out; do sleep 0.05; done
            kill -9 $pid; wait $pid; echo $?
            """
        let result = try Subprocess(["sh", "-c", script], directory: box.repository, environment: Sandbox.environment)
            .run()
        #expect(result.text == "137\n")
        #expect(try Files.list(box.repository + "/.git/mldata/packs") == [])
        let store = try box.store()
        #expect(try store.read(ObjectID.of(first)) == first)
        #expect(try store.verify() == [])
        #expect(try Files.list(box.repository + "/.git/mldata/tmp") == [])
    }

    @Test func `a full disk refuses the file and says what to do`() throws {
        let box = try Sandbox()
        let mountPoint = box.path + "/small"
        try Files.makeDirectories(mountPoint)
        guard try Subprocess(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mountPoint]).run().status == 0 else {
            print("skipped: cannot mount a tmpfs")
            return
        }
        defer { _ = try? Subprocess(["umount", mountPoint]).run() }
        try box.setting("store", "\(mountPoint)/store")
        let result = try box.converse(Say.hello + Say.clean("big.bin", randomBytes(3_000_000, seed: 16)))
        let answer = try lists(result.output)
        #expect(text(answer[2]) == "status=error\n")
        #expect(result.errorText.contains("fatal: cannot store 'big.bin': ") && result.errorText.contains("\nhint: "))
        #expect(result.errorText.contains("free some space"))
    }
}
