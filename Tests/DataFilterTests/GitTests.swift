import Base
import DataFilter
import Glibc
import ObjectStore
import Testing

@Suite struct `Under real git` {
    @Test func `add, commit, switch and check out bring every file back`() throws {
        let box = try Sandbox()
        let files: [(String, [UInt8])] = [
            ("empty.bin", []), ("one.bin", [1]), ("d/mid.bin", randomBytes(300_000, seed: 1)),
            ("d/with space ü.bin", randomBytes(1 << 20, seed: 2)), ("plain.txt", Array("text\n".utf8)),
        ]
        for (name, bytes) in files { try box.write(bytes, to: name) }
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        #expect(try box.git("show", "HEAD:d/mid.bin").output == pointer(to: files[2].1).encoded)
        #expect(try box.git("cat-file", "-s", "HEAD:empty.bin").text == "0\n")
        try box.git("checkout", "-qb", "side")
        try box.write(randomBytes(300_001, seed: 3), to: "d/mid.bin")
        try box.git("commit", "-qam", "second")
        try box.git("checkout", "-q", "-")
        for (name, bytes) in files { #expect(try box.read(name) == bytes) }
        #expect(try box.git("status", "--porcelain").text == "")
        for (name, _) in files { try Files.remove(box.repository + "/" + name) }
        try box.git("checkout", "--", ".")
        for (name, bytes) in files { #expect(try box.read(name) == bytes) }
        #expect(try Files.list(box.repository + "/.git/mldata/tmp") == [])
    }

    @Test func `stash, rebase and reset bring changes back`() throws {
        let box = try Sandbox()
        try box.write(randomBytes(50_000, seed: 4), to: "a.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        let edited = randomBytes(60_000, seed: 5)
        try box.write(edited, to: "a.bin")
        try box.git("stash")
        #expect(try box.read("a.bin") == randomBytes(50_000, seed: 4))
        try box.git("stash", "pop")
        #expect(try box.read("a.bin") == edited)
        try box.git("commit", "-qam", "second")
        try box.write(Array("x".utf8), to: "b.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "third")
        try box.git("rebase", "-q", "--force-rebase", "HEAD~2")
        try box.git("reset", "-q", "--hard", "HEAD~1")
        #expect(try box.read("a.bin") == edited)
    }

    @Test func `a large file of a stash or of checkout-index is filled in, one that is looked at is not`() throws {
        let box = try Sandbox(child: "echo \"$1\" >>$LOG; tr '\\0' '|' >>$LOG")
        try box.write("*.bin filter=mldata diff=mldata -text\n", to: ".gitattributes")
        try box.write(randomBytes(2 << 20, seed: 30), to: "big.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        try box.write(randomBytes(2 << 20, seed: 31), to: "big.bin")
        try box.git("-c", "diff.mldata.textconv=cat", "diff")
        #expect(box.log == "")
        try box.git("stash", "-q")
        let before = box.log
        try box.git("stash", "pop", "-q")
        #expect(box.log.dropFirst(before.count) == "sync\nbig.bin|")
        let middle = box.log
        try Files.remove(box.repository + "/big.bin")
        try box.git("checkout-index", "-f", "big.bin")
        #expect(box.log.dropFirst(middle.count) == "sync\nbig.bin|")
    }

    @Test func `git waits for the sync, and its locks are gone when it starts`() throws {
        let box = try Sandbox(
            child: """
                test -e .git/index.lock && echo locked >>$LOG
                test -n "$GIT_INDEX_FILE" && echo index >>$LOG
                sleep 0.3; echo "$@ $(pwd)" >>$LOG; tr '\\0' '|' >>$LOG; echo done >>$LOG
                """)
        try box.write(randomBytes(2 << 20, seed: 6), to: "d/big.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        try Files.remove(box.repository + "/d/big.bin")
        try box.git("checkout", "HEAD", "--", ".")
        let root = try #require(realpath(box.repository, nil).map { String(cString: $0) })
        #expect(box.log == "sync --from-filter --stdin \(root)\nd/big.bin|done\n")
        try box.git("checkout", "-q", "--detach")
        try Files.remove(box.path + "/log")
        try Files.remove(box.repository + "/d/big.bin")
        try box.git("reset", "-q", "--hard", in: box.repository + "/d")
        #expect(box.log == "sync --from-filter --stdin \(root)\nd/big.bin|done\n")
    }

    @Test func `a fresh clone fetches all it needs with one child and reports first contact`() throws {
        let box = try Sandbox(child: ProtocolChild.fetching)
        let files = (0..<20).map { randomBytes(2000 + $0, seed: UInt64(20 + $0)) }
        for (index, bytes) in files.enumerated() { try box.write(bytes, to: "\(index).bin") }
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        try Files.rename(box.repository + "/.git/mldata", to: box.path + "/remote")
        try Files.remove(box.path + "/log")
        try box.git(
            "clone", "-q", "-c", "filter.mldata.process=\(box.filter) filter-process", "-c",
            "filter.mldata.required=true",
            box.repository, box.path + "/clone", in: box.path)
        for (index, bytes) in files.enumerated() { #expect(try Files.read("\(box.path)/clone/\(index).bin") == bytes) }
        let commands = box.log.split(separator: "\n").map(String.init).filter { $0.count < 64 }
        #expect(commands == ["fetch-objects --stdin", "sync --from-filter --stdin --first-contact"])
    }

    @Test func `a file that is nowhere stops the checkout`() throws {
        let box = try Sandbox()
        try box.write([1, 2, 3], to: "a.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        try Files.remove(box.repository + "/.git/mldata")
        try Files.remove(box.repository + "/a.bin")
        let result = try box.git("checkout", "--", ".", mayFail: true)
        #expect(result.status == 128)
        #expect(result.errorText.contains("fatal: cannot fetch 'a.bin'") && result.errorText.contains("hint: "))
        let skipped = try box.git("checkout", "--", ".", environment: ["GIT_MLDATA_SKIP_SMUDGE": "1"])
        #expect(skipped.status == 0)
        #expect(try box.read("a.bin") == pointer(to: [1, 2, 3]).encoded)
    }

    @Test func `work trees share the store`() throws {
        let box = try Sandbox()
        let bytes = randomBytes(5000, seed: 7)
        try box.write(bytes, to: "a.bin")
        try box.git("add", ".")
        try box.git("commit", "-qm", "first")
        try box.git("worktree", "add", "-q", box.path + "/tree")
        #expect(try Files.read(box.path + "/tree/a.bin") == bytes)
        try Files.writeAtomically(randomBytes(6000, seed: 8), to: box.path + "/tree/b.bin")
        try box.git("add", ".", in: box.path + "/tree")
        #expect(try box.store().contains(ObjectID.of(randomBytes(6000, seed: 8))))
        let environment = try GitEnvironment(variables: [:], directory: box.path + "/tree")
        #expect(environment.commonDirectory.hasSuffix("/repo/.git") || environment.commonDirectory.hasSuffix("/../.."))
    }

    @Test func `one-shot commands do the same`() throws {
        let box = try Sandbox()
        let bytes = randomBytes(100_000, seed: 9)
        let clean = try Subprocess([box.filter, "clean", "x"], directory: box.repository, input: bytes).run()
        #expect(clean.output == pointer(to: bytes).encoded)
        let smudge = try Subprocess([box.filter, "smudge", "x"], directory: box.repository, input: clean.output).run()
        #expect(smudge.output == bytes)
        let other = try Subprocess([box.filter, "smudge"], directory: box.repository, input: bytes).run()
        #expect(other.output == bytes)
        let wrong = try Subprocess([box.filter, "polish"], directory: box.repository).run()
        #expect(wrong.status == 129)
    }
}

enum ProtocolChild {
    static let fetching = `The filter protocol`.fetching
}

@Suite struct `Finding the repository` {
    @Test func `from a folder below, by GIT_DIR, through a .git file and in a bare repository`() throws {
        let box = try Sandbox()
        let git = box.repository + "/.git"
        try Files.makeDirectories(box.repository + "/a/b")
        #expect(try GitEnvironment(variables: [:], directory: box.repository + "/a/b").gitDirectory == git)
        #expect(
            try GitEnvironment(variables: ["GIT_DIR": "../.git"], directory: box.repository + "/a").gitDirectory
                == box.repository + "/a/../.git")
        #expect(try GitEnvironment(variables: ["GIT_DIR": git], directory: "/").commonDirectory == git)
        try Files.makeDirectories(box.path + "/sub")
        try Files.writeAtomically("gitdir: ../repo/.git\n", to: box.path + "/sub/.git")
        #expect(
            try GitEnvironment(variables: [:], directory: box.path + "/sub").gitDirectory == box.path
                + "/sub/../repo/.git")
        #expect(try GitEnvironment(variables: [:], directory: git + "/objects").gitDirectory == git)
        #expect(
            try GitEnvironment(variables: ["GIT_COMMON_DIR": "/x", "GIT_DIR": git], directory: "/").commonDirectory
                == "/x")
        let error = #expect(throws: MLError.self) { try GitEnvironment(variables: [:], directory: box.path + "/bin") }
        #expect(error?.code == .notARepository)
    }

    @Test func `settings are read and say what is wrong`() throws {
        let settings = try FilterSettings(
            parsing: Array(
                "mldata.inlinelimit\n5k\0mldata.store\n/a=b\0mldata.skipdownloaderrors\0mldata.future\nx\0".utf8))
        #expect(settings.inlineLimit == 5120 && settings.store == "/a=b" && settings.skipDownloadErrors)
        for wrong in ["inlinelimit\nmany", "skipdownloaderrors\nperhaps", "repositoryformatversion\n7"] {
            #expect(throws: MLError.self) { try FilterSettings(parsing: Array("mldata.\(wrong)\0".utf8)) }
        }
    }
}
