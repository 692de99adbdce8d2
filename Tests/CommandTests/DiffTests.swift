import Base
import TestSupport
import Testing

@Suite struct DiffTests {
    /// Two commits, tagged v1 and v2, with a file of every kind of change.
    private func makeHistory(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write("id\ttext\n1\ta\n2\tb\n3\tc\n", to: "repo/data/t.tsv")
        try box.write("{\"a\": 1}\n", to: "repo/data/gone.jsonl")
        let big = randomBytes(1_000_000, seed: 1)
        try box.write(big, to: "repo/data/moved.bin")
        try box.write(big, to: "repo/data/same.bin")
        try box.write(randomBytes(1_500_000, seed: 2), to: "repo/data/edited.bin")
        try box.run("git add -A && git commit -q -m one && git tag v1", in: "repo")
        try box.write("id\ttext\tlabel\n1\ta\tx\n3\tC\ty\n4\td\tx\n", to: "repo/data/t.tsv")
        try box.run("git mv data/moved.bin data/there.bin && git rm -q data/gone.jsonl", in: "repo")
        var edited = randomBytes(1_500_000, seed: 2)
        edited[700_000] ^= 1
        try box.run("git rm -q --cached data/edited.bin && rm data/edited.bin", in: "repo")
        try box.write(edited, to: "repo/data/b.bin")
        try box.write([0, 1], to: "repo/data/odd \"q\"\t\nä")
        try box.run("git add -A && git commit -q -m two && git tag v2", in: "repo")
    }

    @Test func `two revisions are compared down to rows and columns`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let output = try box.run("git mldata diff v1 v2", in: "repo").output
        let lines = output.split(separator: "\n").map(String.init)
        #expect(lines[0].hasPrefix("R  data/edited.bin -> data/b.bin") && lines[0].hasSuffix("1.4 MiB -> 1.4 MiB"))
        #expect(lines.contains { $0.hasSuffix("% similar") })
        #expect(lines.contains { $0.hasPrefix("R  data/moved.bin -> data/there.bin") && $0.hasSuffix("  976.6 KiB") })
        #expect(lines.contains { $0.hasPrefix("D  data/gone.jsonl") && $0.hasSuffix("  9 B") })
        #expect(lines.contains { $0.hasPrefix("A  \"data/odd \\\"q\\\"\\t\\n\\303\\244\"") })
        #expect(lines.contains("       rows +0 -0 ~2, columns +label"))
        #expect(lines.last?.hasPrefix("1 added, 1 deleted, 1 modified, 2 renamed; ") == true)
        #expect(try box.run("git mldata diff v1..v2", in: "repo").output == output)
        #expect(try box.run("git mldata diff v1", in: "repo").output == output)
        #expect(try box.run("git mldata diff v1 v2", in: "repo/data").output == output)
    }

    @Test func `the JSON document has DVC's lists`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let document = try JSON(parsing: box.run("git mldata diff v1 v2 --json", in: "repo").output)
        #expect(document["version"]?.intValue == 1)
        #expect(document["added"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["data/odd \"q\"\t\nä"])
        #expect(document["deleted"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["data/gone.jsonl"])
        let modified = try #require(document["modified"]?.arrayValue?.first)
        #expect(modified["path"]?.stringValue == "data/t.tsv")
        #expect(modified["size"]?["old"]?.intValue == 20 && modified["size"]?["new"]?.intValue == 32)
        #expect(modified["oid"]?["old"]?.stringValue == ObjectID.of("id\ttext\n1\ta\n2\tb\n3\tc\n").hex)
        #expect(modified["content"]?["kind"]?.stringValue == "tsv")
        #expect(modified["content"]?["columns"]?["added"] == ["label"])
        let renamed = document["renamed"]?.arrayValue ?? []
        #expect(renamed.map { $0["path"]?["old"]?.stringValue } == ["data/edited.bin", "data/moved.bin"])
        #expect(renamed.map { $0["path"]?["new"]?.stringValue } == ["data/b.bin", "data/there.bin"])
        #expect(renamed.last?["similarity"]?.doubleValue == 1)
        #expect((renamed.first?["content"]?["shared_bytes"]?.intValue ?? 0) > 750_000)
    }

    @Test func `scripts get lines, with or without quotes`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let odd = ObjectID.of([0, 1]).hex
        let lines = try box.run("git mldata diff v1 v2 --porcelain", in: "repo").output.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.contains("A - \(odd) - 2\t\"data/odd \\\"q\\\"\\t\\n\\303\\244\""))
        let fields = try box.run("git mldata diff v1 v2 -z", in: "repo").output.split(separator: "\0")
        #expect(fields.contains("A - \(odd) - 2") && fields.contains("data/odd \"q\"\t\nä"))
        #expect(
            try box.run("git -c core.quotePath=false mldata diff v1 v2 --name-only -- data/odd*", in: "repo").output
                == "\"data/odd \\\"q\\\"\\t\\nä\"\n")
        #expect(try box.run("git mldata diff v1 v2 --name-only -- t.tsv", in: "repo/data").output == "data/t.tsv\n")
    }

    @Test func `without a revision HEAD stands against the work tree`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        #expect(try box.run("git mldata diff --exit-code", in: "repo").output == "No tracked file differs.\n")
        // A new time alone is no difference.
        try box.run("touch data/t.tsv", in: "repo")
        #expect(try box.run("git mldata diff", in: "repo").output == "No tracked file differs.\n")
        try box.write("id\ttext\tlabel\n1\ta\tx\n3\tC\ty\n4\td\tx\n5\te\tx\n", to: "repo/data/t.tsv")
        let expected = "M  data/t.tsv  32 B -> 38 B\n       rows +1 -0\n1 modified; +6 B\n"
        #expect(try box.run("git mldata diff", in: "repo").output == expected)
        try box.run("git add data", in: "repo")
        #expect(try box.run("git mldata diff", in: "repo").output == expected)
        let answer = try box.attempt("git mldata diff --exit-code --stat", in: "repo")
        #expect(answer.status == 1 && answer.output == "M  data/t.tsv  32 B -> 38 B\n1 modified; +6 B\n")
        let wrong = try box.attempt("git mldata diff nothing", in: "repo")
        #expect(wrong.status == 128 && wrong.firstError == "fatal: 'nothing' is neither a revision nor a file")
    }

    @Test func `of several files of one content each is renamed once, to its own name if it can`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        for name in ["a", "b", "c"] { try box.write("same\n", to: "repo/data/\(name)") }
        try box.run("git add data && git commit -q -m one && mkdir data/d && git mv data/b data/c data/d", in: "repo")
        try box.run("git mv data/a data/z && git commit -q -m two", in: "repo")
        let lines = try box.run("git mldata diff HEAD~1 HEAD", in: "repo").output.split(separator: "\n")
        #expect(
            lines.map(String.init) == [
                "R  data/b -> data/d/b  5 B", "R  data/c -> data/d/c  5 B", "R  data/a -> data/z    5 B",
                "3 renamed; +0 B",
            ])
    }

    @Test func `a backslash in a name is quoted`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("x\n", to: "repo/data/back\\slash")
        try box.run("git add data", in: "repo")
        #expect(try box.run("git mldata diff --name-only", in: "repo").output == "\"data/back\\\\slash\"\n")
    }

    @Test func `a large file edited in the work tree says how much of it stayed`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        var bytes = try box.read("repo/data/same.bin")
        bytes.insert(7, at: 500_000)
        try box.write(bytes, to: "repo/data/same.bin")
        let before = try box.run("git mldata diff", in: "repo").output
        #expect(before.contains("% in chunks of the old version"))
        // Added, the recipes say the same.
        try box.run("git add data", in: "repo")
        #expect(try box.run("git mldata diff", in: "repo").output == before)
    }

    @Test func `files that become tracked or plain are named`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("a,b\n1,2\n", to: "repo/plain.csv")
        try box.write("a,b\n1,2\n", to: "repo/data/t.csv")
        try box.run("git add -A && git commit -q -m one && git mldata track plain.csv", in: "repo")
        try box.run("git rm -q --cached plain.csv && git add plain.csv && git commit -q -am two", in: "repo")
        let expected = "T  plain.csv  8 B\n       now tracked\n1 type changed; +0 B\n"
        #expect(try box.run("git mldata diff HEAD~1 HEAD", in: "repo").output == expected)
        let back = try box.run("git mldata diff HEAD HEAD~1", in: "repo").output
        #expect(back.contains("no longer tracked"))
        // Files that were never tracked are git's own business.
        try box.write("x\n", to: "repo/other.txt")
        try box.run("git add other.txt", in: "repo")
        #expect(try box.run("git mldata diff", in: "repo").output == "No tracked file differs.\n")
    }

    @Test func `content that is elsewhere is fetched only on request`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("a,b\n1,2\n", to: "repo/data/t.csv")
        try box.run("git add -A && git commit -q -m one", in: "repo")
        try box.write("a,b\n1,2\n3,4\n", to: "repo/data/t.csv")
        try box.run("git commit -q -am two && git push -q -u origin main", in: "repo")
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy && cd copy && git mldata install -q")
        let first = try box.run("git mldata diff HEAD~1 HEAD", in: "copy").output
        #expect(first.contains("content not local"))
        #expect(
            try box.run("git mldata diff HEAD~1 HEAD --json", in: "copy").output.contains("\"kind\": \"not local\""))
        #expect(try box.run("git mldata diff HEAD~1 HEAD --fetch", in: "copy").output.contains("rows +1 -0"))
    }

    // MARK: git diff and git log

    @Test func `git diff, log and show speak of rows and tensors`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let expected = ["-tsv: 3 rows, 2 columns", "+tsv: 3 rows, 3 columns", "-2\tb", "+4\td\tx"]
        for command in ["git diff v1 v2 -- data/t.tsv", "git log -p -1 -- data/t.tsv", "git show v2 -- data/t.tsv"] {
            let lines = try box.run(command, in: "repo").output.split(separator: "\n").map(String.init)
            for line in expected { #expect(lines.contains(line), "\(command): \(line)") }
        }
        try box.write("id\ttext\tlabel\n1\ta\tx\n3\tC\ty\n4\td\tNEW\n", to: "repo/data/t.tsv")
        #expect(try box.run("git diff", in: "repo").output.contains("\n-4\td\tx\n+4\td\tNEW\n"))
        #expect(try box.run("git diff v1 v2 -- data/gone.jsonl", in: "repo").output.contains("-{\"a\": 1}"))
        #expect(try box.run("git diff v1 v2 -- data/b.bin", in: "repo").output.contains("+binary\n+size 1500000"))
    }

    @Test func `git log -p neither fails nor fetches where content is elsewhere`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        try box.run("git push -q -u origin main", in: "repo")
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy && cd copy && git mldata install -q")
        let log = try box.attempt("git log -p", in: "copy")
        #expect(log.status == 0 && log.errors == "")
        #expect(log.output.contains("content not in the local store"))
        #expect(try box.run("git mldata ls HEAD~1", in: "copy").output.contains(" - "))
        #expect(try !box.run("git mldata ls HEAD~1", in: "copy").output.contains(" * "))
        // Nothing was filled in behind the user's back either.
        #expect(try box.text("copy/data/t.tsv").hasPrefix("version https://git-lfs"))
    }

    @Test func `textconv takes content as well as pointers`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        try box.run("git cat-file blob v2:data/t.tsv > pointer.tsv", in: "repo")
        let text = try box.run("git mldata textconv data/t.tsv", in: "repo").output
        #expect(text.hasPrefix("tsv: 3 rows, 3 columns\n"))
        #expect(try box.run("git mldata textconv pointer.tsv", in: "repo").output == text)
        try box.run("rm -rf .git/mldata", in: "repo")
        #expect(
            try box.run("git mldata textconv pointer.tsv", in: "repo").output.hasPrefix(
                "content not in the local store"))
    }
}
