import Base
import TestSupport
import Testing

@Suite struct LazyTests {
    /// A pushed repository with a few files of different folders and sizes, on a shared folder store.
    private func pushed() throws -> Sandbox {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -q -d --shared st '\(box.root)/store'", in: "repo")
        for (number, path) in ["a/one", "a/two", "b/one", "b/large"].enumerated() {
            try box.write(
                randomBytes(path == "b/large" ? 1_500_000 : 3000, seed: UInt64(number)), to: "repo/data/\(path)")
        }
        try box.write("code\n", to: "repo/src/main.py")
        try box.run("ln -s main.py src/link && chmod +x src/main.py", in: "repo")
        try box.run(
            "git mldata add -q data && git add src && git commit -q -m data && git push -q -u origin main", in: "repo")
        try box.run("git mldata install --global -q")
        return box
    }

    private func isPointer(_ box: Sandbox, _ path: String) throws -> Bool {
        try box.text(path).hasPrefix("version https://git-lfs")
    }

    @Test func `git archive holds the real content of long files too`() throws {
        let box = try pushed()
        try box.run("git clone -q --no-checkout repo.git copy")
        try box.run("mkdir ../all ../tree && git archive HEAD | tar x -C ../all", in: "copy")
        #expect(try box.run("diff -r all/data repo/data").output == "")
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git archive HEAD data/b | tar x -C ../tree", in: "copy")
        #expect(try isPointer(box, "tree/data/b/large"))
    }

    @Test func `a clone of a repository on this machine gets what that one never pushed`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(200_000, seed: 1), to: "repo/data/chunks")
        try box.write(randomBytes(1_300_000, seed: 2), to: "repo/data/large")
        try box.run("git add data && git commit -q -m data", in: "repo")
        try box.run(
            "git mldata install --global -q && git clone -q repo one && git mldata clone -q \"file://$PWD/repo\" two")
        for copy in ["one", "two"] { #expect(try box.run("diff -r \(copy)/data repo/data").output == "") }
        try box.write(randomBytes(5000, seed: 3), to: "repo/data/new")
        try box.run(
            "git add data && git commit -q -m new && git -C ../one pull -q && cmp data/new ../one/data/new", in: "repo")
        #expect(try box.run("git status --porcelain && git mldata fsck", in: "one").output == "No findings.\n")
        // Git LFS's own word for pointers is understood, too.
        try box.run("GIT_LFS_SKIP_SMUDGE=1 git clone -q repo three")
        #expect(try isPointer(box, "three/data/new"))
    }

    @Test func `fetch and pull take patterns of what to bring`() throws {
        let box = try pushed()
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy")
        try box.run("git mldata fetch -I 'data/a' -X two", in: "copy")
        #expect(
            try box.run("git mldata ls-files -n -I data", in: "copy").output
                == "data/a/one\ndata/a/two\ndata/b/large\ndata/b/one\n")
        #expect(
            try box.run("git mldata ls --porcelain | cut -d' ' -f2,4", in: "copy").output
                == "* data/a/one\n- data/a/two\n- data/b/large\n- data/b/one\n")
        try box.run("git mldata pull --include='*/b' --exclude large && cmp data/b/one ../repo/data/b/one", in: "copy")
        #expect(try isPointer(box, "copy/data/a/one") && isPointer(box, "copy/data/b/large"))
        try box.run(
            "git config mldata.exclude large && git mldata pull -q && cmp data/a/two ../repo/data/a/two", in: "copy")
        #expect(try isPointer(box, "copy/data/b/large"))
        try box.run("git mldata pull -q -I large && diff -r data ../repo/data", in: "copy")
    }

    @Test func `git mldata clone lays out everything and git finds nothing to do`() throws {
        let box = try pushed()
        let said = try box.run("mkdir elsewhere && cd elsewhere && git mldata clone ../repo.git")
        #expect(said.errors.contains("Filled in 4 files, 1.4 MiB"), "\(said.errors)")
        #expect(
            try box.run(
                "diff -r data ../../repo/data && diff -r src ../../repo/src && git status --porcelain",
                in: "elsewhere/repo"
            ).output == "")
        try box.run("git mldata clone -q repo.git copy && diff -r copy/data repo/data && diff -r copy/src repo/src")
        #expect(try box.run("git status --porcelain && git mldata status --porcelain", in: "copy").output == "")
        // Nothing is read again: the index knows every file.
        #expect(try box.run("git diff-files --name-only", in: "copy").output == "")
        #expect(box.exists("copy/.git/hooks/pre-push"))
        #expect(try box.run("test -x src/main.py && readlink src/link", in: "copy").output == "main.py\n")
        try box.run(
            "git mldata clone -q --branch main --depth 1 'file://\(box.root)/repo.git' shallow && diff -r shallow/data repo/data"
        )
        try box.run("git mldata clone -q --bare repo.git bare.git && test -d bare.git/objects")
    }

    @Test func `clone without content leaves pointers and says what is missing`() throws {
        let box = try pushed()
        try box.run("mv store away")
        let said = try box.attempt("git mldata clone -q repo.git copy")
        #expect(said.status == 128 && said.errors.contains("hint: somebody who has it must push it"), "\(said.errors)")
        #expect(try isPointer(box, "copy/data/b/large") && box.text("copy/src/main.py") == "code\n")
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
        try box.run("mv away store && cd copy && git mldata pull -q && diff -r data ../repo/data")
    }

    @Test func `checkout and pull bring deleted files back, sync leaves them deleted`() throws {
        let box = try pushed()
        try box.run("git mldata clone -q repo.git copy")
        try box.run("rm -r data/a data/b/large && git rm -q data/b/one && git mldata sync -q", in: "copy")
        #expect(!box.exists("copy/data"))
        let said = try box.run("git mldata checkout data/a", in: "copy")
        #expect(said.output.contains("Filled in 2 files"), "\(said.output)")
        try box.run("git mldata pull -q && diff -r data/a ../repo/data/a", in: "copy")
        // A deletion that is staged is meant.
        #expect(try box.run("git status --porcelain", in: "copy").output == "D  data/b/one\n")
        #expect(try box.run("git diff-files --name-only && ls -A .git/mldata-sync", in: "copy").output == "")
    }

    @Test func `what a process killed while creating files left empty is made again`() throws {
        let box = try pushed()
        try box.run("git mldata clone -q repo.git copy")
        let list = "creating-1-1"
        try box.run(
            """
            rm -r data/a && mkdir data/a && : > data/a/one && printf kept > data/a/two &&
            printf '%s\\0%s' "$PWD/data/a/one" "$PWD/data/a/two" > .git/mldata-sync/\(list) && : > .git/mldata-sync/tmp-x
            """, in: "copy")
        // Whoever uses the folder keeps the others from sweeping it.
        try box.run("flock -s .git/mldata-sync git mldata sync -q && test -e .git/mldata-sync/\(list)", in: "copy")
        #expect(box.exists("copy/data/a/one"))
        try box.run("git mldata checkout -q && cmp data/a/one ../repo/data/a/one", in: "copy")
        #expect(try box.text("copy/data/a/two") == "kept")
        #expect(try box.run("ls -A .git/mldata-sync", in: "copy").output == "")
    }

    @Test func `pointers first, then content by path and by size`() throws {
        let box = try pushed()
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy")
        #expect(try isPointer(box, "copy/data/a/one") && isPointer(box, "copy/data/b/large"))
        try box.run("git mldata pull data/a", in: "copy")
        #expect(try !isPointer(box, "copy/data/a/one") && isPointer(box, "copy/data/b/one"))
        try box.run("git mldata pull --below 10k", in: "copy")
        #expect(try !isPointer(box, "copy/data/b/one") && isPointer(box, "copy/data/b/large"))
        try box.run("git mldata pull --above 1m && diff -r data ../repo/data", in: "copy")
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
    }

    @Test func `include and exclude decide what a checkout fills in`() throws {
        let box = try pushed()
        try box.run("git clone -q --no-checkout repo.git copy")
        try box.run(
            "git config mldata.include 'data/a, *.txt' && git config mldata.exclude two && git checkout -q main",
            in: "copy")
        #expect(try !isPointer(box, "copy/data/a/one"))
        #expect(
            try isPointer(box, "copy/data/a/two") && isPointer(box, "copy/data/b/one")
                && isPointer(box, "copy/data/b/large"))
        #expect(
            try box.run("git status --porcelain && git mldata pull", in: "copy").output == "All files are filled in.\n")
        // Asked for by name it comes all the same.
        try box.run("git mldata pull data/b && cmp data/b/large ../repo/data/b/large", in: "copy")
        #expect(try isPointer(box, "copy/data/a/two"))
    }

    @Test func `sparse checkout, partial clone, work trees, submodules and bare repositories`() throws {
        let box = try pushed()
        let url = "'file://\(box.root)/repo.git'"
        try box.run("git config uploadpack.allowFilter true", in: "repo.git")
        try box.run("git clone -q --sparse \(url) sparse && cd sparse && git sparse-checkout set data/a src")
        #expect(box.exists("sparse/data/a/one") && !box.exists("sparse/data/b"))
        #expect(try !isPointer(box, "sparse/data/a/one"))
        #expect(
            try box.run("git mldata pull && git status --porcelain", in: "sparse").output
                == "All files are filled in.\n")
        try box.run("git sparse-checkout disable && diff -r data ../repo/data", in: "sparse")

        try box.run("git clone -q --filter=blob:none \(url) partial && diff -r partial/data repo/data")
        try box.write(randomBytes(2000, seed: 60), to: "partial/data/new")
        try box.run("git mldata add -q data && git commit -q -m new && git push -q origin HEAD:new", in: "partial")

        try box.run("git worktree add -q ../tree -b other && diff -r ../tree/data data", in: "repo")
        try box.write(randomBytes(2_000_000, seed: 61), to: "tree/data/b/large")
        try box.run("git mldata add -q data && git commit -q -m large && git status --porcelain", in: "tree")
        try box.run("git checkout -q --detach other && cmp data/b/large ../tree/data/b/large", in: "repo")

        try box.run("git init -q super && cd super && git submodule --quiet add \(url) sub && git commit -q -m sub")
        try box.run("git clone -q --recurse-submodules super super2 && diff -r super2/sub/data partial/data -x new")
        try box.run(
            "git mldata clone -q --recurse-submodules super super3 && diff -r super3/sub/data partial/data -x new")

        try box.run(
            "git clone -q --bare repo.git bare.git && cd bare.git && git mldata cat main:data/a/one > ../got && cmp ../got ../repo/data/a/one"
        )
        #expect(
            try box.run("git mldata ls main --name-only", in: "bare.git").output
                == "data/a/one\ndata/a/two\ndata/b/large\ndata/b/one\n")
        #expect(
            try box.attempt("git mldata status", in: "bare.git").firstError
                == "fatal: this operation must be run in a work tree")
    }

    @Test func `clones that borrow objects borrow content too`() throws {
        let box = try pushed()
        try box.run("mv store away && git clone -q --shared repo borrower && diff -r borrower/data repo/data")
        #expect(try box.run("git status --porcelain", in: "borrower").output == "")
        #expect(try Files.list(box.root + "/borrower/.git/mldata/packs").isEmpty)
    }

    @Test func `two clones share one store`() throws {
        let box = try pushed()
        try box.run("git config --global mldata.store '\(box.root)/shared'")
        try box.run(
            "git clone -q repo.git one && mv store away && git clone -q repo.git two && diff -r two/data repo/data")
        #expect(try Files.list(box.root + "/shared/users").count == 2)
        #expect(try box.run("git status --porcelain", in: "two").output == "")
        #expect(box.exists("two/.git/hooks/pre-push"))
    }

    @Test func `settings count at once, however they are given`() throws {
        let box = try pushed()
        try box.run("git -c mldata.exclude=data clone -q repo.git copy")
        #expect(try isPointer(box, "copy/data/a/one"))
        let refused = try box.attempt("git -c mldata.inlineLimit=many checkout -- data", in: "copy")
        #expect(refused.status != 0 && refused.errors.contains("not a number of bytes"))
        let unknown = try box.attempt(
            "git -c mldata.repositoryFormatVersion=9 checkout -- data/a/one && rm data/a/one", in: "copy")
        #expect(unknown.errors.contains("unknown mldata.repositoryFormatVersion '9'"))
    }

    @Test func `a folder that became a link is not written through`() throws {
        let box = try pushed()
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy")
        try box.run("mv data/b ../outside && ln -s ../../outside data/b && git mldata pull || true", in: "copy")
        #expect(try isPointer(box, "outside/large") && isPointer(box, "outside/one"))
    }
}
