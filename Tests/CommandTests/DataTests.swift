import Base
import TestSupport
import Testing

@Suite struct DataTests {
    @Test func `what was committed before it was tracked becomes pointers`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(5000, seed: 1), to: "repo/plain/old")
        try box.write("", to: "repo/plain/empty")
        try box.run("git add plain && git commit -q -m plain && git mldata track -q 'plain/**'", in: "repo")
        #expect(try box.run("git mldata add plain", in: "repo").output.hasPrefix("Added 1 file: 4.9 KiB"))
        #expect(try box.run("git show :plain/old", in: "repo").output.hasPrefix("version https://git-lfs"))
        #expect(try box.run("git mldata add plain", in: "repo").output == "Added 0 files; 2 unchanged\n")
        try box.run("git commit -q -m tracked && git mldata clone -q . ../copy", in: "repo")
        #expect(try box.run("git status --porcelain && cmp plain/old ../repo/plain/old", in: "copy").output == "")
    }

    @Test(arguments: [
        ("group", "drwxrws---", "-r--r-----"), ("0640", "drwxr-s---", "-r--r-----"),
        ("false", "drwx------", "-r--------"),
    ])
    func `a repository shared by a group has a store shared by it`(sharing: String, folder: String, pack: String) throws
    {
        let box = try Sandbox()
        try box.run("umask 077 && git init -q --shared=\(sharing) repo")
        try box.write(randomBytes(2000, seed: 1), to: "repo/a.bin")
        try box.write(randomBytes(1_200_000, seed: 2), to: "repo/b.bin")
        try box.run(
            "umask 077 && git mldata install -q && git mldata track -q '*.bin' && git add a.bin && git mldata add b.bin && git commit -q -m x",
            in: "repo")
        #expect(
            try box.run(
                "stat -c %A .git/mldata .git/mldata/packs .git/mldata/tmp .git/mldata/packs/*.idx | LC_ALL=C sort -u",
                in: "repo"
            ).output
                == "\(pack)\n\(folder)\n")
        try box.run("rm *.bin && umask 077 && git checkout -q . && git mldata sync -q", in: "repo")
        #expect(try box.run("stat -c %a *.bin | LC_ALL=C sort -u", in: "repo").output == "600\n")
    }

    @Test func `patterns are written as people mean them`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo && mkdir repo/sub && echo x > 'repo/a[1].bin' && echo x > repo/a1.bin")
        try box.run("git mldata track ./x.bin 'raw/' && git mldata track --filename 'a[1].bin' 'b c*'", in: "repo")
        try box.run("git mldata track -n y.bin && git mldata track \"$PWD/z.bin\" '*.psd' --lockable", in: "repo/sub")
        let common = "filter=mldata diff=mldata merge=mldata -text"
        #expect(
            try box.text("repo/.gitattributes")
                == ["x.bin", "raw/**", "a\\[1].bin", "b[[:space:]]c\\*"].map { "\($0) \(common)\n" }.joined())
        #expect(try box.text("repo/sub/.gitattributes") == "/z.bin \(common) lockable\n*.psd \(common) lockable\n")
        try box.run("git mldata track --not-lockable '*.psd' && git mldata untrack ./z.bin /z.bin", in: "repo/sub")
        #expect(try box.text("repo/sub/.gitattributes") == "*.psd \(common)\n")
        let outside = try box.attempt("git mldata track ../x", in: "repo/sub")
        #expect(outside.status == 129 && outside.errors.contains("fatal: pattern '../x' lies outside of this folder"))
        try box.run("git mldata untrack 'a\\[1].bin' && git mldata add 'a[1].bin'", in: "repo")
        #expect(try box.run("git mldata ls -n", in: "repo").output == "a[1].bin\n")
    }

    @Test func `pointer takes the words of git-lfs`() throws {
        let box = try Sandbox()
        try box.write("hello\n", to: "a")
        try box.write("world\n", to: "b")
        try box.write("", to: "empty")
        try box.run("git mldata pointer --file=a > p && git mldata pointer --file a --pointer p > q && cat p p > pp")
        #expect(try box.text("p") == box.text("q"))
        #expect(try box.attempt("git mldata pointer --file b --pointer p").status == 1)
        #expect(try box.run("git mldata pointer --stdin < p").output == box.text("p"))
        #expect(try box.attempt("git mldata pointer --stdin < a").status == 128)
        #expect(try box.attempt("git mldata pointer --file a a").status == 129)
        for (command, status) in [("--check p", 0), ("--check --file a", 1), ("--check empty", 0), ("--check pp", 1)] {
            #expect(try box.attempt("git mldata pointer \(command)").status == status, "\(command)")
        }
    }

    @Test func `a commit holds pointers and the work tree holds content`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let content = randomBytes(3_000_000, seed: 1)
        try box.write(content, to: "repo/data/big.bin")
        try box.write("small\n", to: "repo/data/small.txt")
        try box.run("git add data && git commit -q -m data", in: "repo")
        let expected =
            "version https://git-lfs.github.com/spec/v1\noid sha256:\(ObjectID.of(content).hex)\nsize 3000000\n"
        #expect(try box.run("git cat-file blob HEAD:data/big.bin", in: "repo").output == expected)
        #expect(try box.read("repo/data/big.bin") == content)
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `git mldata add stages the same pointers as git add`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        for number in 0..<100 {
            try box.write(randomBytes(100 + number * 997, seed: UInt64(number)), to: "repo/data/f\(number)")
        }
        try box.write("", to: "repo/data/empty")
        try box.write("#!/bin/sh\n", to: "repo/data/tool")
        try box.run("chmod +x data/tool && git add data && git ls-files -s > ../by-git && git reset -q", in: "repo")
        let said = try box.run("git mldata add data && git ls-files -s > ../by-us", in: "repo").output
        #expect(try box.text("by-git") == box.text("by-us"))
        #expect(said.hasPrefix("Added 102 files: "))
        #expect(
            try box.run("git status --porcelain --untracked-files=no", in: "repo").output.split(separator: "\n")
                .allSatisfy { $0.hasPrefix("A ") })
        #expect(try box.run("git mldata add data", in: "repo").output == "Added 0 files; 102 unchanged\n")
        #expect(
            try box.run("git commit -q -m all && git fsck --strict && git mldata fsck", in: "repo").output
                == "No findings.\n")
    }

    @Test func `push uploads to the git remote and a plain clone has all files`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let big = randomBytes(2_500_000, seed: 2)
        try box.write(big, to: "repo/data/big.bin")
        try box.write("small\n", to: "repo/data/small.txt")
        try box.run("git mldata add data && git commit -q -m data && git push -q -u origin main", in: "repo")
        try box.run("git mldata install --global -q && git clone -q repo.git copy")
        #expect(try box.read("copy/data/big.bin") == big)
        #expect(try box.text("copy/data/small.txt") == "small\n")
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
        // The clone set itself up: hooks and refspecs are there.
        #expect(box.exists("copy/.git/hooks/pre-push"))
        #expect(try box.run("git mldata status --porcelain", in: "copy").output == "")
    }

    @Test func `a push of nothing asks nobody, and a bare repository lists HEAD`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(5000, seed: 1), to: "repo/data/a")
        try box.run(
            "git add -A && git commit -q -m a && git mlrun record accuracy=1 && git push -q origin HEAD:main",
            in: "repo")
        #expect(try box.run("git mldata ls --name-only", in: "repo.git").output == "data/a\n")
        // Git gives the hook no refs when there is nothing to push; this remote would refuse to be asked.
        try box.run("git mldata hook pre-push .git/hooks/pre-push gone https://localhost:9/x </dev/null", in: "repo")
        #expect(try box.run("git for-each-ref refs/mlrun refs/notes | wc -l", in: "repo.git").output != "0\n")
    }

    @Test func `a folder remote takes the packs and gives them back`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let big = randomBytes(1_500_000, seed: 3)
        try box.write(big, to: "repo/data/big.bin")
        try box.run(
            """
            git mldata remote add --default disk "$PWD/../storage" && git mldata remote test disk &&
            git add data && git commit -q -m data && git push -q -u origin main
            """, in: "repo")
        #expect(try box.run("git ls-remote repo.git 'refs/mldata/*'").output == "")
        #expect(try box.run("ls storage/packs | wc -l").output.trimmed == "2")
        try box.run(
            """
            git clone -q -c filter.mldata.process='git-mldata-filter filter-process' -c filter.mldata.required=true \
                -c mldata.remote.disk.url="$PWD/storage" -c mldata.defaultRemote=disk repo.git copy
            """)
        #expect(try box.read("copy/data/big.bin") == big)
    }

    @Test func `checkout, stash, worktree, diff and reset behave`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let one = randomBytes(2_000_000, seed: 4)
        let two = randomBytes(2_000_100, seed: 5)
        try box.write(one, to: "repo/data/big.bin")
        try box.run("git add data && git commit -q -m one", in: "repo")
        try box.write(two, to: "repo/data/big.bin")
        #expect(try box.run("git diff --stat", in: "repo").output.contains("data/big.bin"))
        try box.run("git add data && git commit -q -m two && git checkout -q HEAD~1", in: "repo")
        #expect(try box.read("repo/data/big.bin") == one)
        try box.run("git checkout -q main", in: "repo")
        #expect(try box.read("repo/data/big.bin") == two)
        try box.write(one, to: "repo/data/big.bin")
        try box.run("git stash -q", in: "repo")
        #expect(try box.read("repo/data/big.bin") == two)
        try box.run("git stash pop -q", in: "repo")
        #expect(try box.read("repo/data/big.bin") == one)
        try box.run("git reset -q --hard", in: "repo")
        #expect(try box.read("repo/data/big.bin") == two)
        try box.run("git worktree add -q ../other HEAD~1", in: "repo")
        #expect(try box.read("other/data/big.bin") == one)
        try box.run("git checkout -q HEAD~1 -- data/big.bin", in: "repo")
        #expect(try box.read("repo/data/big.bin") == one)
        try box.run(
            "git reset -q --hard && git cherry-pick --no-commit HEAD 2>/dev/null; git reset -q --hard", in: "repo")
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `after a checkout git status reads no large file again`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(2_000_000, seed: 6), to: "repo/data/big.bin")
        try box.run("git add data && git commit -q -m one && rm data/big.bin && git checkout -q -- data", in: "repo")
        // A filter that fails shows whether status starts one.
        let status = try box.attempt(
            "git -c filter.mldata.process=false -c filter.mldata.clean=false status --porcelain", in: "repo")
        #expect(status.status == 0 && status.output == "" && status.errors == "")
    }

    @Test func `files above the inline limit are filled also by merge and cherry-pick`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let big = randomBytes(1_200_000, seed: 7)
        try box.run("git checkout -q -b side", in: "repo")
        try box.write(big, to: "repo/data/side.bin")
        try box.run(
            "git add data && git commit -q -m side && git checkout -q main && git commit -q --allow-empty -m x",
            in: "repo")
        #expect(!box.exists("repo/data/side.bin"))
        try box.run("git cherry-pick side >/dev/null", in: "repo")
        #expect(try box.read("repo/data/side.bin") == big)
        try box.run("git reset -q --hard HEAD~1 && git merge -q --no-edit side >/dev/null", in: "repo")
        #expect(try box.read("repo/data/side.bin") == big)
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `a conflict keeps ours and never writes markers into a pointer`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("base\n", to: "repo/data/f")
        try box.run("git add data && git commit -q -m base && git checkout -q -b side", in: "repo")
        try box.write("theirs\n", to: "repo/data/f")
        try box.run("git commit -q -am theirs && git checkout -q main", in: "repo")
        try box.write("ours\n", to: "repo/data/f")
        try box.run("git commit -q -am ours", in: "repo")
        let merge = try box.attempt("git merge side", in: "repo")
        #expect(merge.status == 1)
        #expect(try box.text("repo/data/f") == "ours\n")
        try box.run("git checkout --theirs -- data/f", in: "repo")
        #expect(try box.text("repo/data/f") == "theirs\n")
    }

    @Test func `identical content is stored once and an append stores little`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        var content = randomBytes(4_000_000, seed: 8)
        try box.write(content, to: "repo/data/a")
        try box.write(content, to: "repo/data/b")
        try box.run("git mldata add data", in: "repo")
        let before = try box.size("repo/.git/mldata/packs")
        #expect(before < 4_100_000)
        content += randomBytes(1000, seed: 9)
        try box.write(content, to: "repo/data/a")
        try box.run("git mldata add data", in: "repo")
        #expect(try box.size("repo/.git/mldata/packs") - before < 700_000)
    }

    @Test func `skip-smudge leaves pointers and pull fills them`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("hello\n", to: "repo/data/f")
        try box.run("git add data && git commit -q -m f && git push -q -u origin main", in: "repo")
        try box.run("git mldata install --global -q && GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy")
        #expect(try box.text("copy/data/f").hasPrefix("version https://git-lfs"))
        #expect(try box.run("git mldata pull", in: "copy").output == "Filled in 1 file, 6 B\n")
        #expect(try box.text("copy/data/f") == "hello\n")
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
    }

    @Test func `dropping the store loses nothing that was pushed`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let big = randomBytes(1_300_000, seed: 10)
        try box.write(big, to: "repo/data/big")
        try box.run("git add data && git commit -q -m f && git push -q -u origin main", in: "repo")
        try box.run("rm -rf .git/mldata data && git checkout -q -- data", in: "repo")
        #expect(try box.read("repo/data/big") == big)
    }

    @Test func `cat prints a range of a file of a commit`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("0123456789", to: "repo/data/f")
        try box.run("git add data && git commit -q -m f", in: "repo")
        #expect(try box.run("git mldata cat HEAD:data/f --offset 2 --length 3", in: "repo").output == "234")
        #expect(try box.run("git mldata cat HEAD:.gitattributes", in: "repo").output.hasPrefix("data/**"))
    }
}

extension String {
    var trimmed: String { String(self.drop { $0 == " " }.prefix { $0 != "\n" }) }
}

extension Sandbox {
    /// Bytes of all files in a folder.
    func size(_ folder: String) throws -> Int64 {
        try Files.list(root + "/" + folder).reduce(0) { $0 + (Files.status(root + "/" + folder + "/" + $1)?.size ?? 0) }
    }
}
