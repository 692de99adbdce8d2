import Base
import TestSupport
import Testing

@Suite struct MigrateLFSTests {
    private static let line = "filter=lfs diff=lfs merge=lfs -text"

    /// What a Git LFS repository looks like, without Git LFS: pointers in the index, content in the files and in LFS's
    /// own storage.
    private func makeRepository(_ box: Sandbox, _ files: [String: [UInt8]], absent: [String] = []) throws {
        try box.run("git init -q repo")
        try box.write(
            "# big filter=lfs\n[attr]big \(Self.line)\n*.bin\t\(Self.line)\nmy[[:space:]]dir/** \(Self.line) lockable\n*.dat big\n*.txt text\n",
            to: "repo/.gitattributes")
        try box.write("*.h5 \(Self.line)\r\n\"q x\" \(Self.line)\n", to: "repo/sub/.gitattributes")
        try box.run("git add .gitattributes sub/.gitattributes", in: "repo")
        for (path, content) in files {
            let oid = ObjectID.of(content).hex
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize \(content.count)\n"
            let blob = try box.run("git hash-object -w --stdin", in: "repo", input: Array(pointer.utf8)).output.trimmed
            try box.run("git update-index --add --cacheinfo '100644,\(blob),\(path)'", in: "repo")
            if absent.contains(path) {
                try box.write(pointer, to: "repo/\(path)")
            } else {
                try box.write(content, to: "repo/\(path)")
                try box.write(
                    content, to: "repo/.git/lfs/objects/\(oid.prefix(2))/\(oid.dropFirst(2).prefix(2))/\(oid)")
            }
        }
        try box.run("git commit -q -m lfs", in: "repo")
    }

    private var files: [String: [UInt8]] {
        [
            "a.bin": randomBytes(300_000, seed: 1), "my dir/x": randomBytes(100, seed: 2),
            "c.dat": randomBytes(2000, seed: 3), "sub/k.h5": randomBytes(5000, seed: 4),
        ]
    }

    @Test func `attributes change, pointers and files do not`() throws {
        let box = try Sandbox()
        try makeRepository(box, files)
        for (name, verb) in [("pre-push", "pre-push"), ("post-checkout", "post-checkout")] {
            try box.write(
                "#!/bin/sh\ncommand -v git-lfs >/dev/null 2>&1 || { echo >&2 \"git-lfs was not found\"; exit 2; }\ngit lfs \(verb) \"$@\"\n",
                to: "repo/.git/hooks/\(name)")
            try box.run("chmod +x .git/hooks/\(name)", in: "repo")
        }
        try box.write("#!/bin/sh\necho mine\n", to: "repo/.git/hooks/post-merge")
        let index = try box.run("git ls-files -s | grep -v gitattributes", in: "repo").output
        let stat = try box.run("stat -c '%n %Y %Z %i' a.bin 'my dir/x' c.dat sub/k.h5", in: "repo").output
        let dry = try box.run("git mldata migrate lfs --dry-run", in: "repo")
        #expect(dry.output == "Would change 5 lines in 2 attribute files: .gitattributes, sub/.gitattributes\n")
        #expect(!box.exists("repo/.git/mldata/packs"))
        let outcome = try box.run("git mldata migrate lfs --yes", in: "repo")
        #expect(
            outcome.output == """
                Changed 5 lines in 2 attribute files: .gitattributes, sub/.gitattributes
                Imported 4 objects from Git LFS, 299.9 KiB

                """)
        #expect(outcome.errors.contains("Removed the pre-push hook of Git LFS.\n"))
        #expect(
            try box.run("git status --porcelain", in: "repo").output == "M  .gitattributes\nM  sub/.gitattributes\n")
        #expect(try box.run("git ls-files -s | grep -v gitattributes", in: "repo").output == index)
        #expect(try box.run("stat -c '%n %Y %Z %i' a.bin 'my dir/x' c.dat sub/k.h5", in: "repo").output == stat)
        let ours = "filter=mldata diff=mldata merge=mldata -text"
        #expect(
            try box.text("repo/.gitattributes")
                == "# big filter=lfs\n[attr]big \(ours)\n*.bin\t\(ours)\nmy[[:space:]]dir/** \(ours) lockable\n*.dat big\n*.txt text\n"
        )
        #expect(try box.text("repo/sub/.gitattributes") == "*.h5 \(ours)\r\n\"q x\" \(ours)\n")
        // Foreign hooks stay and run before ours; those of Git LFS would look for a server.
        #expect(try !box.text("repo/.git/hooks/pre-push").contains("git lfs"))
        #expect(!box.exists("repo/.git/hooks/pre-push.before-git-ml"))
        #expect(try box.text("repo/.git/hooks/post-merge.before-git-ml").contains("echo mine"))
        // Committed, read again through our filter: nothing changes.
        try box.run("git commit -q -m moved && touch a.bin c.dat", in: "repo")
        #expect(try box.run("git status --porcelain && git mldata fsck", in: "repo").output == "No findings.\n")
        try box.run("rm -rf .git/lfs a.bin && git checkout -q -- a.bin", in: "repo")
        #expect(try box.read("repo/a.bin") == files["a.bin"])
        #expect(
            try box.run("git mldata migrate lfs", in: "repo").output
                == "Nothing to migrate: no attributes name Git LFS.\n")
    }

    @Test func `what only the server has is named, and damaged objects do not get in`() throws {
        let box = try Sandbox()
        try makeRepository(box, files, absent: ["sub/k.h5"])
        let oid = ObjectID.of(files["c.dat"] ?? []).hex
        let object = ".git/lfs/objects/\(oid.prefix(2))/\(oid.dropFirst(2).prefix(2))/\(oid)"
        try box.write("damaged", to: "repo/" + object)
        // Pruned by Git LFS, but the file is there.
        let pruned = ObjectID.of(files["a.bin"] ?? []).hex
        try box.run("rm .git/lfs/objects/\(pruned.prefix(2))/*/\(pruned)", in: "repo")
        let outcome = try box.run("git mldata migrate lfs --commit", in: "repo")
        #expect(outcome.output.contains("Imported 3 objects from Git LFS") && outcome.output.contains("Committed."))
        #expect(outcome.errors.contains("warning: '") && outcome.errors.contains(oid + "' is damaged"))
        #expect(outcome.errors.contains("warning: content of 1 pointer (4.9 KiB) is not here, first 'sub/k.h5'"))
        #expect(outcome.errors.contains("hint: 'git lfs fetch --all'"))
        #expect(
            try box.run("git status --porcelain && git log -1 --format=%s", in: "repo").output
                == "Hand large files from Git LFS to git-ml\n")
        #expect(try box.run("git mldata cat HEAD:a.bin", in: "repo").bytes == files["a.bin"])
        #expect(try box.run("git mldata cat HEAD:c.dat", in: "repo").bytes == files["c.dat"])
    }

    @Test func `attributes with changes of the user's own are not touched`() throws {
        let box = try Sandbox()
        try makeRepository(box, files)
        try box.run("echo '*.x text' >> sub/.gitattributes", in: "repo")
        let outcome = try box.attempt("git mldata migrate lfs", in: "repo")
        #expect(outcome.status == 128)
        #expect(outcome.errors.contains("'sub/.gitattributes' has changes that are not staged"))
        #expect(
            try box.run("git status --porcelain -- .gitattributes sub/.gitattributes", in: "repo").output
                == " M sub/.gitattributes\n")
    }

    @Test func `a repository made by Git LFS itself goes over, and a push needs no LFS server`() throws {
        let box = try Sandbox()
        guard try box.attempt("git lfs version").status == 0 else {
            print("skipped: git-lfs is not installed")
            return
        }
        try box.run(
            """
            git init -q --bare repo.git && git init -q repo && cd repo && git remote add origin "$PWD/../repo.git" &&
            git lfs install --local >/dev/null && git lfs track '*.bin' >/dev/null
            """)
        let content = randomBytes(1_500_000, seed: 7)
        try box.write(content, to: "repo/a.bin")
        try box.run("git add -A && git commit -q -m one && git checkout -q -b topic", in: "repo")
        let pointer = try box.run("git cat-file blob HEAD:a.bin", in: "repo").output
        try box.run("git mldata migrate lfs --commit && git push -q -u origin topic", in: "repo")
        #expect(try box.run("git cat-file blob HEAD:a.bin", in: "repo").output == pointer)
        try box.run("git mldata clone -q -b topic repo.git copy")
        #expect(try box.read("copy/a.bin") == content)
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
    }
}
