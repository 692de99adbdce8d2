import Base
import TestSupport
import Testing

@Suite struct MergeTests {
    /// A repository where `main` and `side` both changed `data/NAME`; nil removes it.
    private func makeBranches(
        _ box: Sandbox, _ name: String, base: String?, ours: String?, theirs: String?
    ) throws {
        try box.makeRepository()
        func commit(_ content: String?, _ message: String) throws {
            if let content {
                try box.write(content, to: "repo/data/\(name)")
            } else {
                try Files.remove(box.root + "/repo/data/\(name)")
            }
            try box.run("git add -A && git commit -q --allow-empty -m \(message)", in: "repo")
        }
        try commit(base, "base")
        try box.run("git checkout -q -b side", in: "repo")
        try commit(theirs, "theirs")
        try box.run("git checkout -q main", in: "repo")
        try commit(ours, "ours")
    }

    private func isPointer(_ box: Sandbox, _ object: String) throws -> Bool {
        try box.run("git cat-file blob \(object)", in: "repo").output.hasPrefix("version https://git-lfs")
    }

    @Test(arguments: ["git merge -q --no-edit side", "git rebase -q side", "git cherry-pick side"])
    func `rows appended by both sides are all kept`(command: String) throws {
        let box = try Sandbox()
        let base = "id,text\n1,\"a\nb\"\n"
        try makeBranches(
            box, "t.csv", base: base, ours: base + "2,ours\n9,both\n", theirs: base + "3,theirs\n9,both\n")
        try box.run(command + " >/dev/null", in: "repo")
        // A rebase puts our commit on top of theirs, so theirs come first.
        let rows = command.contains("rebase") ? "3,theirs\n9,both\n2,ours\n" : "2,ours\n9,both\n3,theirs\n"
        #expect(try box.text("repo/data/t.csv") == base + rows)
        #expect(try isPointer(box, "HEAD:data/t.csv"))
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        #expect(try box.run("git mldata fsck", in: "repo").status == 0)
    }

    @Test(arguments: ["ort", "recursive"])
    func `disjoint edits are merged, also of neighbouring rows and above the inline limit`(strategy: String) throws {
        let box = try Sandbox()
        let rows = (0..<60_000).map { "{\"id\": \($0), \"text\": \"some words\"}\n" }
        var (ours, theirs) = (rows, rows)
        ours[10] = "{\"id\": 10, \"text\": \"ours\"}\n"
        theirs[11] = "{\"id\": 11, \"text\": \"theirs\"}\n"
        theirs.remove(at: 50_000)
        var expected = rows
        expected[10] = ours[10]
        expected[11] = theirs[11]
        expected.remove(at: 50_000)
        try makeBranches(box, "t.jsonl", base: rows.joined(), ours: ours.joined(), theirs: theirs.joined())
        try box.run("git merge -q -s \(strategy) --no-edit side >/dev/null", in: "repo")
        #expect(try box.text("repo/data/t.jsonl") == expected.joined())
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        // What the merge made can be pushed and cloned.
        try box.run("git push -q -u origin main && cd .. && git clone -q repo.git copy", in: "repo")
        try box.run("git mldata install -q && git mldata pull -q", in: "copy")
        #expect(try box.text("copy/data/t.jsonl") == expected.joined())
    }

    @Test func `the same row edited twice is a conflict without markers`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.csv", base: "h,k\n1,a\n", ours: "h,k\n1,ours\n", theirs: "h,k\n1,theirs!\n")
        let merge = try box.attempt("git merge side", in: "repo")
        #expect(merge.status == 1)
        #expect(
            merge.errors == """
                warning: cannot merge 'data/t.csv' (base 8 B, ours 11 B, theirs 14 B): one place where both changed the same \
                rows; the work tree keeps ours
                hint: git mldata checkout --ours|--theirs|--base -- data/t.csv, or with --to FILE; then git add data/t.csv

                """)
        #expect(try box.text("repo/data/t.csv") == "h,k\n1,ours\n")
        #expect(try isPointer(box, ":2:data/t.csv") && isPointer(box, ":3:data/t.csv"))
        #expect(try box.run("git mldata diff --name-only", in: "repo").output == "data/t.csv\n")

        let taken = try box.run("git mldata checkout --theirs -- data/t.csv", in: "repo").output
        #expect(taken == "Wrote their version of 'data/t.csv' to the work tree, 14 B\n")
        #expect(try box.text("repo/data/t.csv") == "h,k\n1,theirs!\n")
        try box.run("git mldata checkout --base --to ../base.csv -- t.csv", in: "repo/data")
        #expect(try box.text("repo/base.csv") == "h,k\n1,a\n")
        #expect(try box.text("repo/data/t.csv") == "h,k\n1,theirs!\n")
        try box.run("git checkout --ours -- data/t.csv", in: "repo")
        #expect(try box.text("repo/data/t.csv") == "h,k\n1,ours\n")
        try box.run("git checkout --theirs -- data/t.csv", in: "repo")
        #expect(try box.text("repo/data/t.csv") == "h,k\n1,theirs!\n")
        try box.run("git add data/t.csv && git commit -q -m merged", in: "repo")
        let after = try box.attempt("git mldata checkout --theirs -- data/t.csv", in: "repo")
        #expect(after.status == 128 && after.firstError == "fatal: path 'data/t.csv' is not in conflict")
    }

    @Test func `binary content is never merged, and a side fetched when it is taken`() throws {
        let box = try Sandbox()
        try makeBranches(box, "m.bin", base: "\0one", ours: "\0two", theirs: "\0three")
        try box.run("git push -q origin main side", in: "repo")
        #expect(try box.attempt("git merge side", in: "repo").errors.contains("binary content"))
        #expect(try box.text("repo/data/m.bin") == "\0two")
        try box.run("rm -rf .git/mldata && git mldata checkout --theirs -- data", in: "repo")
        #expect(try box.text("repo/data/m.bin") == "\0three")
        #expect(try box.attempt("git mldata checkout --ours --base -- data", in: "repo").status == 129)
        #expect(try box.attempt("git mldata checkout --to x", in: "repo").status == 129)
    }

    @Test func `what a merge needs is fetched`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.txt", base: "a\nb\nc\n", ours: "A\nb\nc\n", theirs: "a\nb\nC\n")
        try box.run("git push -q origin main side && rm -rf .git/mldata && git merge -q --no-edit side", in: "repo")
        #expect(try box.text("repo/data/t.txt") == "A\nb\nC\n")
    }

    @Test func `content that is nowhere is a conflict that keeps ours`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.txt", base: "a\nb\nc\n", ours: "A\nb\nc\n", theirs: "a\nb\nC\n")
        let merge = try box.attempt("rm -rf .git/mldata && git merge --no-edit side", in: "repo")
        #expect(merge.status == 1 && merge.errors.contains("cannot merge 'data/t.txt'"))
        #expect(try box.text("repo/data/t.txt") == "A\nb\nc\n")
    }

    @Test func `a file deleted by one side is git's conflict, and each side can be taken`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.txt", base: "a\n", ours: "b\n", theirs: nil)
        #expect(try box.attempt("git merge side", in: "repo").status == 1)
        let missing = try box.attempt("git mldata checkout --theirs -- data/t.txt", in: "repo")
        #expect(missing.status == 128)
        #expect(missing.firstError == "fatal: path 'data/t.txt' does not have their version")
        try box.run("git mldata checkout --base -- data/t.txt", in: "repo")
        #expect(try box.text("repo/data/t.txt") == "a\n")
    }

    @Test func `a table both sides added is merged when it has the same header`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.csv", base: nil, ours: "h\n1\n", theirs: "h\n2\n")
        try box.run("git merge -q side --no-edit", in: "repo")
        #expect(try box.text("repo/data/t.csv") == "h\n1\n2\n")
    }

    @Test func `two different tables of one name are a conflict`() throws {
        let box = try Sandbox()
        try makeBranches(box, "t.csv", base: nil, ours: "h\n1\n", theirs: "other\n2\n")
        #expect(try box.attempt("git merge side --no-edit", in: "repo").status == 1)
        #expect(try box.text("repo/data/t.csv") == "h\n1\n")
        let base = try box.attempt("git mldata checkout --base -- data/t.csv", in: "repo")
        #expect(base.firstError == "fatal: path 'data/t.csv' does not have a base version")
    }

    @Test func `a file renamed on one side is merged under its new name`() throws {
        let box = try Sandbox()
        let rows = (0..<50).map { "row \($0)\n" }
        try makeBranches(
            box, "t.tsv", base: rows.joined(), ours: rows.joined() + "ours\n", theirs: rows.joined())
        try box.run(
            "git checkout -q side && git mv data/t.tsv data/new.tsv && git commit -q -m move && git checkout -q main",
            in: "repo")
        try box.run("git merge -q --no-edit side", in: "repo")
        #expect(try box.text("repo/data/new.tsv") == rows.joined() + "ours\n")
        #expect(!box.exists("repo/data/t.tsv"))
    }

    @Test func `plain content on one side is merged into a pointer`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("a\nb\nc\n", to: "repo/t.txt")
        try box.run("git add -A && git commit -q -m base && git checkout -q -b side", in: "repo")
        try box.write("a\nb\nC\n", to: "repo/t.txt")
        try box.run("git commit -q -am plain && git checkout -q main", in: "repo")
        try box.write("A\nb\nc\n", to: "repo/t.txt")
        try box.run("git mldata track t.txt && git add -A && git commit -q -m tracked", in: "repo")
        #expect(try isPointer(box, "HEAD:t.txt"))
        try box.run("git merge -q --no-edit side", in: "repo")
        #expect(try box.text("repo/t.txt") == "A\nb\nC\n")
        #expect(try isPointer(box, "HEAD:t.txt"))
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `stash pop merges by content too`() throws {
        let box = try Sandbox()
        let base = "h\n1\n"
        try makeBranches(box, "t.csv", base: base, ours: base + "2\n", theirs: base + "3\n")
        try box.run("git checkout -q -b third HEAD~1", in: "repo")
        try box.write(base + "4\n", to: "repo/data/t.csv")
        // The driver also runs for 'git stash pop'.
        try box.run("git stash -q && git merge -q --ff-only main && git stash pop -q", in: "repo")
        #expect(try box.text("repo/data/t.csv") == base + "2\n4\n")
    }
}
