import Base
import TestSupport
import Testing

@Suite struct MigrateHistoryTests {
    /// A history with a merge, tags, odd names, an encoding of its own, and large files that come, change and go.
    private func makeHistory(_ box: Sandbox) throws {
        try box.run("git init -q repo")
        try box.write("*.txt text\n", to: "repo/.gitattributes")
        try box.write("code\n", to: "repo/code.py")
        try box.write(randomBytes(200_000, seed: 1), to: "repo/data/m.bin")
        try box.write(randomBytes(90_000, seed: 9), to: "repo/data/small.bin")
        try box.run("git add -A && git commit -q -m one && git tag light", in: "repo")
        try box.write(randomBytes(150_000, seed: 2), to: "repo/a [b]* c/x #1?.bin")
        try box.write(randomBytes(120_000, seed: 3), to: "repo/!odd")
        try box.run(
            """
            chmod +x '!odd' && git add -A && git -c i18n.commitEncoding=latin1 commit -q -m "$(printf 'zw\\366lf')" &&
            git tag -a -m 'the tag' annotated && git checkout -q -b side light
            """, in: "repo")
        try box.write(randomBytes(300_000, seed: 4), to: "repo/data/m.bin")
        try box.run(
            """
            git commit -q -am side && git checkout -q main && echo more >> code.py && git commit -q -am three &&
            git merge -q side -m merge && git rm -q data/m.bin && git commit -q -m dropped
            """, in: "repo")
        try box.write(randomBytes(200_000, seed: 1), to: "repo/data/m.bin")
        try box.run("git add -A && git commit -q -m back", in: "repo")
    }

    @Test func `every commit checks out the same files, with pointers behind the large ones`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        try box.run(
            "for c in $(git rev-list --all); do git archive $c | tar x --one-top-level=../old/$(git log -1 --format=%f $c); done",
            in: "repo")
        // Git compares whole seconds: what is as young as the index it would read again.
        try box.run("git ls-files -z | xargs -0 touch -d '1 hour ago' && git update-index --refresh", in: "repo")
        let before = try box.run("stat -c '%n %Y %Z %i' data/* code.py '!odd'", in: "repo").output
        try box.run("git mldata install -q", in: "repo")
        let said = try box.run(
            "GIT_TRACE=\"$PWD/../trace\" git mldata migrate import --above 100k --everything --object-map ../map",
            in: "repo")
        #expect(try !box.text("trace").contains("git-mldata-filter"))
        #expect(said.output.hasPrefix("Rewrote 7 of 7 commits: 4 contents, 752.0 KiB, became pointers"))
        // Files whose content stays are not touched, and git need not read them again.
        #expect(try box.run("stat -c '%n %Y %Z %i' data/* code.py '!odd'", in: "repo").output == before)
        #expect(try box.run("git status --porcelain && git diff-files", in: "repo").output == "")
        #expect(try box.run("git mldata fsck && git fsck --strict 2>&1", in: "repo").output == "No findings.\n")
        #expect(
            try box.text("repo/.gitattributes") == """
                *.txt text
                /!odd filter=mldata diff=mldata merge=mldata -text
                /a[[:space:]]\\[b]\\*[[:space:]]c/x[[:space:]]#1\\?.bin filter=mldata diff=mldata merge=mldata -text
                /data/m.bin filter=mldata diff=mldata merge=mldata -text

                """)
        for commit in try box.run("git rev-list main side", in: "repo").output.split(separator: "\n") {
            try box.run("git checkout -q \(commit)", in: "repo")
            #expect(try box.run("git status --porcelain", in: "repo").output == "")
            let name = try box.run("git log -1 --format=%f", in: "repo").output.trimmed
            #expect(try box.run("diff -r -x .git -x .gitattributes repo 'old/\(name)'").output == "")
        }
        // Every commit but those before it tracks exactly what it has.
        #expect(try box.run("git mldata ls side --name-only", in: "repo").output == "data/m.bin\n")
        #expect(try box.run("git show side:data/small.bin | wc -c", in: "repo").output.trimmed == "90000")
        #expect(try box.run("git ls-tree -r main", in: "repo").output.contains("100755 blob"))
    }

    @Test func `tags, backups, the object map and commit headers`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let refs = try box.run("git for-each-ref --format='%(refname) %(objectname)'", in: "repo").output
        try box.run("git mldata migrate import --above 100k --everything --object-map ../map", in: "repo")
        let backups = try box.run(
            "git for-each-ref --format='%(refname) %(objectname)' refs/original/mldata | sed 's,original/mldata/,,'",
            in: "repo"
        ).output
        #expect(backups == refs)
        let map = try box.text("map").split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        #expect(map.count == 7)
        for pair in map {
            #expect(
                try box.run("git log -1 --format='%an %ae %at %cn %ct %e' \(pair[0])", in: "repo").output
                    == box.run("git log -1 --format='%an %ae %at %cn %ct %e' \(pair[1])", in: "repo").output)
            // The bytes of the message, in whatever encoding.
            #expect(
                try box.run("git cat-file commit \(pair[0]) | sed '1,/^$/d'", in: "repo").bytes
                    == box.run("git cat-file commit \(pair[1]) | sed '1,/^$/d'", in: "repo").bytes)
        }
        let tag = try box.run("git cat-file tag annotated", in: "repo").output
        #expect(tag.contains("the tag\n") && tag.contains("type commit\n"))
        #expect(
            try box.run(
                "git merge-base --is-ancestor annotated main && git merge-base --is-ancestor light annotated && echo yes",
                in: "repo"
            ).output == "yes\n")
    }

    @Test(arguments: [
        "--above 100k", "--include '*'", "--include '*.bin,!odd'", "--include '*.bin' --exclude 'a*/**'",
        "--above 1k --include 'data/**'",
    ])
    func `import and export give the same ids again`(options: String) throws {
        let box = try Sandbox()
        try makeHistory(box)
        let options = options.contains("!odd") ? "--include '*.bin' --include '\\!odd'" : options
        let refs = try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output
        try box.run("git mldata migrate import \(options) --everything", in: "repo")
        #expect(try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output != refs)
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        try box.run("git mldata migrate export --everything", in: "repo")
        #expect(try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output == refs)
        #expect(try box.run("git status --porcelain && git diff-files", in: "repo").output == "")
        #expect(
            try box.run("git mldata migrate export --everything", in: "repo").output
                == "Nothing to migrate in 7 commits.\n")
        // No backup replaces an older one.
        #expect(
            try box.run("git for-each-ref --format='%(refname)' refs/original | cut -d/ -f3 | sort -u", in: "repo")
                .output
                == "mldata\nmldata-2\n")
    }

    @Test func `only what no remote has is rewritten by default`() throws {
        let box = try Sandbox()
        try box.run("git init -q --bare repo.git && git init -q repo")
        try box.write(randomBytes(50_000, seed: 1), to: "repo/old.bin")
        try box.run(
            "git add -A && git commit -q -m old && git remote add origin \"$PWD/../repo.git\" && git push -q -u origin main",
            in: "repo")
        let pushed = try box.run("git rev-parse HEAD", in: "repo").output
        try box.write(randomBytes(60_000, seed: 2), to: "repo/new.bin")
        try box.run("git add -A && git commit -q -m new && git branch other", in: "repo")
        let outcome = try box.run("git mldata migrate import --above 10k", in: "repo")
        #expect(outcome.output.hasPrefix("Rewrote 1 of 1 commit: 2 contents, 107.4 KiB, became pointers"))
        #expect(outcome.errors.contains("warning: old commits are still in other\n"))
        #expect(try box.run("git rev-parse HEAD~1", in: "repo").output == pushed)
        // The new commit has the old file, too: from there on it is a pointer.
        #expect(try box.run("git mldata ls --name-only", in: "repo").output == "new.bin\nold.bin\n")
        try box.run("git push -q origin main", in: "repo")
        #expect(
            try box.run("git mldata migrate import --above 10k", in: "repo").output
                == "Nothing to migrate in 0 commits.\n")
    }

    @Test func `what stands in the way is said and nothing moves`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        let refs = try box.run("git for-each-ref", in: "repo").output
        func refuse(_ words: String, _ command: String = "git mldata migrate import --above 100k", line: Int = #line)
            throws
        {
            let outcome = try box.attempt(command, in: "repo")
            #expect(outcome.status >= 128 && outcome.errors.contains(words), "line \(line): \(outcome.errors)")
            #expect(outcome.errors.contains("hint: "), "line \(line)")
            #expect(try box.run("git for-each-ref", in: "repo").output == refs)
        }
        try refuse("which files?", "git mldata migrate import")
        try refuse("is not a local branch or a tag", "git mldata migrate import --above 1m --include-ref nope")
        try refuse("would match a folder", "git mldata migrate import -I data/")
        try box.run("echo x >> code.py", in: "repo")
        try refuse("the work tree has changes: 'code.py'")
        try box.run("git checkout -q code.py && git worktree add -q ../other side", in: "repo")
        try refuse("branch 'side' is checked out in", "git mldata migrate import --above 100k --everything")
        try box.run("git worktree remove ../other && touch .git/MERGE_HEAD", in: "repo")
        try refuse("another operation is in progress")
        try box.run("rm .git/MERGE_HEAD", in: "repo")
        let size = try box.attempt("git mldata migrate import --above many", in: "repo")
        #expect(size.status == 129)
        // A dry run never minds, and changes nothing.
        let table = try box.run("git mldata migrate import --above 100k --everything --dry-run", in: "repo").output
        #expect(table.split(separator: "\n").first == "Type   Versions       Size    Largest  Path")
        #expect(table.contains("*.bin         3  634.8 KiB  293.0 KiB  data/m.bin\n"))
        let json = try JSON(
            parsing: box.run("git mldata migrate import --above 100k --dry-run --json", in: "repo").output)
        #expect(json["version"]?.intValue == 1 && json["types"]?.arrayValue?.count == 2)
        #expect(try box.run("git for-each-ref", in: "repo").output == refs)
    }

    @Test func `notes of runs follow, and a detached head and a bare repository work`() throws {
        let box = try Sandbox()
        try makeHistory(box)
        try box.run(
            "git notes --ref mlrun add -m 'acc 0.5' main && git notes --ref mlrun add -m 'acc 0.6' light && git checkout -q --detach",
            in: "repo")
        try box.run("git mldata migrate import --above 100k --everything", in: "repo")
        #expect(
            try box.run("git notes --ref mlrun show main; git notes --ref mlrun show light", in: "repo").output
                == "acc 0.5\nacc 0.6\n")
        #expect(
            try box.run("git notes --ref mlrun show refs/original/mldata/heads/main", in: "repo").output == "acc 0.5\n")
        #expect(
            try box.run("git rev-parse HEAD", in: "repo").output == box.run("git rev-parse main", in: "repo").output)
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        try box.run(
            "git clone -q --bare repo bare.git && git -C bare.git config mldata.store \"$PWD/repo/.git/mldata\" && git -C bare.git mldata migrate export --everything"
        )
        #expect(
            try box.run("git -C bare.git rev-parse main").output
                == box.run("git rev-parse refs/original/mldata/heads/main", in: "repo").output)
    }

    @Test func `a signature of a commit that changes is dropped, one that does not change is kept`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        try box.write("x\n", to: "repo/x")
        let sign = """
            commit=$(git cat-file commit HEAD | sed 's/^$/gpgsig -----BEGIN PGP SIGNATURE-----\\n \\n abc\\n -----END PGP SIGNATURE-----\\n/;t q;b;:q;n;b q' | git hash-object -t commit -w --stdin) && git reset -q $commit
            """
        try box.run("git add -A && git commit -q -m small && \(sign)", in: "repo")
        let small = try box.run("git rev-parse HEAD", in: "repo").output
        #expect(try box.run("git cat-file commit HEAD", in: "repo").output.contains("gpgsig"))
        try box.write(randomBytes(20_000, seed: 1), to: "repo/big")
        try box.run("git add -A && git commit -q -m big && \(sign)", in: "repo")
        let outcome = try box.run("git mldata migrate import --above 10k", in: "repo")
        #expect(outcome.errors.contains("warning: 1 signature dropped"))
        #expect(try box.run("git rev-parse HEAD~1", in: "repo").output == small)
        #expect(try !box.run("git cat-file commit HEAD", in: "repo").output.contains("gpgsig"))
        #expect(try box.run("git log -1 --format=%s && git fsck --strict 2>&1", in: "repo").output == "big\n")
    }

    @Test(arguments: 0..<6) func `a killed import changes nothing or everything, and can be repeated`(round: Int) throws
    {
        let box = try Sandbox()
        try makeHistory(box)
        let refs = try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output
        try box.run("git mldata install -q", in: "repo")
        _ = try box.attempt(
            "timeout -s KILL 0.\(["02", "05", "08", "11", "15", "2"][round]) git mldata migrate import --above 100k --everything",
            in: "repo")
        // The step that moves refs ends by itself.
        try box.run("flock .git true", in: "repo")
        let after = try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output
        try box.run("sleep 0.2; rm -f .git/index.lock", in: "repo")
        if after == refs {
            #expect(try box.run("git status --porcelain", in: "repo").output == "")
            try box.run("git mldata migrate import --above 100k --everything", in: "repo")
        } else {
            try box.run("git reset -q --hard", in: "repo")
        }
        #expect(
            try box.run("git status --porcelain && git fsck 2>/dev/null && git mldata fsck", in: "repo").output
                == "No findings.\n")
        #expect(try box.read("repo/data/m.bin") == randomBytes(200_000, seed: 1))
        try box.run("git mldata migrate export --everything", in: "repo")
        #expect(try box.run("git for-each-ref refs/heads refs/tags", in: "repo").output == refs)
    }

    @Test func `files with converted line ends come back as git would write them`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        try box.write("*.csv text eol=crlf\n", to: "repo/.gitattributes")
        try box.write(String(repeating: "a,b\r\n", count: 5000), to: "repo/t.csv")
        try box.run("git add -A && git commit -q -m one", in: "repo")
        try box.run("git mldata migrate import --above 10k", in: "repo")
        // -text: what is in the commit is what is in the file.
        #expect(try box.text("repo/t.csv") == String(repeating: "a,b\n", count: 5000))
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        try box.run("git mldata migrate export", in: "repo")
        #expect(try box.text("repo/t.csv") == String(repeating: "a,b\r\n", count: 5000))
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test(arguments: ["--above 10k", "-I '*.bin'"]) func `attributes of a folder do not switch the filter off`(
        options: String
    ) throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        let content = randomBytes(50_000, seed: 1)
        for path in ["sub/deep/a.bin", "plain/b.bin", "c.bin"] { try box.write(content, to: "repo/" + path) }
        try box.write("*.bin -text -filter\n", to: "repo/sub/.gitattributes")
        try box.write("*.bin -text diff\n", to: "repo/plain/.gitattributes")
        try box.run("git add -A && git commit -q -m one", in: "repo")
        let before = try box.run("git rev-parse HEAD", in: "repo").output
        try box.run(
            "git mldata migrate import \(options) && find . -name '*.bin' -delete && git checkout -q -- .", in: "repo")
        for path in ["sub/deep/a.bin", "plain/b.bin", "c.bin"] { #expect(try box.read("repo/" + path) == content) }
        #expect(try box.text("repo/plain/.gitattributes") == "*.bin -text diff\n")
        #expect(
            try box.text("repo/sub/.gitattributes")
                == "*.bin -text -filter\n/deep/a.bin filter=mldata diff=mldata merge=mldata -text\n")
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        try box.run("git mldata migrate export", in: "repo")
        #expect(try box.run("git rev-parse HEAD", in: "repo").output == before)
    }

    @Test func `export of some files leaves the others tracked`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        try box.write(randomBytes(50_000, seed: 1), to: "repo/a.bin")
        try box.write(randomBytes(60_000, seed: 2), to: "repo/b.h5")
        try box.run("git add -A && git commit -q -m one && git mldata migrate import --above 10k -q", in: "repo")
        try box.run("git mldata migrate export --include '*.h5'", in: "repo")
        #expect(try box.run("git mldata ls --name-only", in: "repo").output == "a.bin\n")
        #expect(try box.run("git cat-file -s HEAD:b.h5", in: "repo").output == "60000\n")
        try box.run("touch a.bin b.h5", in: "repo")
        #expect(
            try box.run("git status --porcelain && git check-attr filter b.h5", in: "repo").output
                == "b.h5: filter: unspecified\n")
    }

    @Test func `a blob too long for memory goes over in pieces`() throws {
        let box = try Sandbox()
        try box.run(
            "git init -q repo && cd repo && head -c 70000000 /dev/zero > zero && git add -A && git commit -q -m one")
        let before = try box.run("git rev-parse HEAD", in: "repo").output
        try box.run(
            "git gc -q && git mldata export HEAD -o ../a.tar && git mldata migrate import --above 60m", in: "repo")
        let listing = try box.run("git mldata export HEAD zero -o ../b.tar -q && git mldata ls", in: "repo").output
        #expect(listing.contains(" * 66.8 MiB  zero\n"))
        #expect(try box.run("for f in a b; do tar xOf $f.tar zero | cmp - repo/zero; done").output == "")
        #expect(try Files.list(box.root + "/repo/.git/mldata-sync") == [])
        // The way back: once with the old blob still in a pack, once with all of it gone.
        let old = "git for-each-ref --format='delete %(refname)' refs/original | git update-ref --stdin"
        for forget in ["true", "\(old) && git reflog expire --expire=now --all && git gc -q --prune=now"] {
            try box.run("\(forget) && git mldata migrate export", in: "repo")
            #expect(
                try box.run("git rev-parse HEAD && git status --porcelain && git fsck 2>&1", in: "repo").output
                    == before)
            try box.run("git mldata migrate import --above 60m", in: "repo")
        }
    }
}
