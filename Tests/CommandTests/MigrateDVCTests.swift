import Base
import TestSupport
import Testing

@Suite struct MigrateDVCTests {
    private func md5(_ bytes: [UInt8]) -> String {
        var hasher = MD5Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    /// Puts content where DVC 3 (`files/md5/`) or DVC 2 would have it.
    @discardableResult
    private func store(
        _ box: Sandbox, _ content: [UInt8], in cache: String, as name: String? = nil, legacy: Bool = false
    )
        throws -> String
    {
        let name = name ?? md5(content)
        try box.write(content, to: "\(cache)/\(legacy ? "" : "files/md5/")\(name.prefix(2))/\(name.dropFirst(2))")
        return name
    }

    private func manifest(_ files: [(String, [UInt8])]) -> [UInt8] {
        Array(
            ("[" + files.map { "{\"md5\": \"\(md5($0.1))\", \"relpath\": \"\($0.0)\"}" }.joined(separator: ", ") + "]")
                .utf8)
    }

    private var images: [(String, [UInt8])] {
        [("a/1.png", randomBytes(2001, seed: 1)), ("a/2 ü.png", randomBytes(2002, seed: 2)), ("empty", [])]
    }
    private var model: [UInt8] { randomBytes(200_000, seed: 3) }

    /// The files DVC writes for a tracked folder, a tracked file in another folder, and a stage with a cached output.
    private func makeRepository(_ box: Sandbox, cache: String = "repo/.dvc/cache") throws {
        try box.run("git init -q repo")
        try box.write(
            "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n", to: "repo/.dvc/config")
        try box.write("/config.local\n/tmp\n/cache\n", to: "repo/.dvc/.gitignore")
        let list = manifest(images)
        for (_, content) in images { try store(box, content, in: cache) }
        let folder = md5(list)
        try store(box, list, in: cache, as: folder + ".dir")
        try box.write(
            "outs:\n- md5: \(folder).dir\n  size: 4003\n  nfiles: 3\n  hash: md5\n  path: images\n",
            to: "repo/images.dvc")
        let file = try store(box, model, in: cache)
        try box.write(
            "outs:\n- md5: \(file)\n  size: 200000\n  hash: md5\n  path: m[1].bin\n  isexec: true\n",
            to: "repo/models/m.dvc")
        let made = try store(box, Array("made\n".utf8), in: cache)
        try box.write(
            "stages:\n  prep:\n    cmd: make\n    wdir: work\n    outs:\n    - out.txt\n", to: "repo/dvc.yaml")
        try box.write(
            """
            schema: '2.0'
            stages:
              prep:
                cmd: make
                outs:
                - path: ../metrics.json
                  hash: md5
                  md5: \(md5(Array("{}\n".utf8)))
                - path: out.txt
                  hash: md5
                  md5: \(made)
                  size: 5

            """, to: "repo/dvc.lock")
        try box.write("{}\n", to: "repo/metrics.json")
        try box.write("/images\n*.log\n", to: "repo/.gitignore")
        try box.write("/m\\[1\\].bin\n", to: "repo/models/.gitignore")
        try box.write("/out.txt\n", to: "repo/work/.gitignore")
        try box.run("git add -A && git commit -q -m dvc", in: "repo")
    }

    private func checkMigrated(_ box: Sandbox) throws {
        for (path, content) in images { #expect(try box.read("repo/images/" + path) == content) }
        #expect(try box.read("repo/models/m[1].bin") == model)
        #expect(try box.text("repo/work/out.txt") == "made\n")
        #expect(
            try box.run("find . -path ./.git -prune -o -type l -print -o -type f -links +1 -print", in: "repo").output
                == "")
        #expect(
            try box.run("git -c core.quotePath=off diff --cached --name-status --no-renames", in: "repo").output == """
                A\t.gitattributes
                M\t.gitignore
                D\timages.dvc
                A\timages/a/1.png
                A\timages/a/2 ü.png
                A\timages/empty
                D\tmodels/.gitignore
                D\tmodels/m.dvc
                A\tmodels/m[1].bin
                D\twork/.gitignore
                A\twork/out.txt

                """)
        #expect(try box.text("repo/.gitignore") == "*.log\n")
        #expect(
            try box.text("repo/.gitattributes")
                == ["/images/**", "/models/m\\[1].bin", "/work/out.txt"]
                .map { $0 + " filter=mldata diff=mldata merge=mldata -text\n" }.joined())
        try box.run("git commit -q -m moved && find images models work -type f -exec touch {} +", in: "repo")
        let after = try box.run("git status --porcelain && git mldata fsck", in: "repo").output
        #expect(after == "No findings.\n")
        #expect(try box.run("git mldata ls --name-only | wc -l", in: "repo").output.trimmed == "4")
        #expect(try box.run("git ls-files -s 'models/m[[]1].bin' images/empty", in: "repo").output.contains("100755"))
        #expect(
            try box.run("git mldata migrate dvc", in: "repo").output
                == "Nothing to migrate: DVC tracks nothing that is not tracked here.\n")
    }

    @Test(arguments: ["nothing", "copies", "symbolic links", "hard links"])
    func `the work tree has real files afterwards, whatever it had`(kind: String) throws {
        let box = try Sandbox()
        try makeRepository(box)
        var places = images.map { ("images/" + $0.0, $0.1) }
        places += [("models/m[1].bin", model), ("work/out.txt", Array("made\n".utf8))]
        for (path, content) in places where kind != "nothing" {
            let name = md5(content)
            let object = "\(box.root)/repo/.dvc/cache/files/md5/\(name.prefix(2))/\(name.dropFirst(2))"
            let command = kind == "copies" ? "cp" : kind == "hard links" ? "chmod 444 \(object) && ln -f" : "ln -s"
            try box.run("mkdir -p \"$(dirname '\(path)')\" && \(command) \(object) '\(path)'", in: "repo")
        }
        let dry = try box.run("git mldata migrate dvc --dry-run", in: "repo").output
        #expect(dry.contains("*.bin         1  195.3 KiB  195.3 KiB  models/m[1].bin\n"))
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        let outcome = try box.run("git mldata migrate dvc", in: "repo")
        let links = kind.hasSuffix("links") ? "; 5 links into DVC's cache became real files" : ""
        #expect(outcome.output == "Took over 5 files, 199.2 KiB\(links)\nRemoved images.dvc, models/m.dvc\n")
        try box.run("rm -rf .dvc/cache", in: "repo")
        try checkMigrated(box)
    }

    @Test(arguments: ["remote", "cache.dir", "config.local"])
    func `content comes from a folder remote or a cache elsewhere`(kind: String) throws {
        let box = try Sandbox()
        try makeRepository(box, cache: kind == "remote" ? "remote" : "elsewhere")
        if kind == "cache.dir" {
            try box.write("[cache]\n    dir = ../../elsewhere\n", to: "repo/.dvc/config")
        } else if kind == "config.local" {
            try box.write("['remote \"store\"']\nurl = file://\(box.root)/elsewhere\n", to: "repo/.dvc/config.local")
        }
        try box.run("git add -A && (git diff --cached --quiet || git commit -q -m config)", in: "repo")
        try box.run("git mldata migrate dvc -q", in: "repo")
        try checkMigrated(box)
    }

    @Test func `content that cannot be had is listed and nothing is half done`() throws {
        let box = try Sandbox()
        try makeRepository(box)
        try box.write("[core]\n    remote = s\n['remote \"s\"']\n    url = s3://bucket/x\n", to: "repo/.dvc/config")
        try box.run("git commit -q -am s3", in: "repo")
        let name = md5(images[1].1)
        // A damaged object is as good as none.
        try box.write("damaged", to: "repo/.dvc/cache/files/md5/\(name.prefix(2))/\(name.dropFirst(2))")
        let before = try box.run("git ls-files -s; find . -path ./.git -prune -o -print | sort", in: "repo").output
        let outcome = try box.attempt("git mldata migrate dvc", in: "repo")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("missing: images/a/2 ü.png\n"))
        #expect(outcome.errors.contains("error: content of 'images/a/2 ü.png' is in no cache"))
        #expect(outcome.errors.contains("hint: 'dvc fetch' brings it from s (s3://bucket/x)"))
        #expect(
            try box.run("git ls-files -s; find . -path ./.git -prune -o -print | sort", in: "repo").output == before)
        #expect(try box.attempt("git mldata migrate dvc --dry-run", in: "repo").status == 1)
        #expect(try box.run("git config --get filter.mldata.process || echo none", in: "repo").output == "none\n")
    }

    @Test func `data that was changed since DVC saw it stops everything`() throws {
        let box = try Sandbox()
        try makeRepository(box)
        try box.write("mine\n", to: "repo/models/m[1].bin")
        let outcome = try box.attempt("git mldata migrate dvc", in: "repo")
        #expect(outcome.status == 128)
        #expect(outcome.errors.contains("'models/m[1].bin' is not what DVC has noted"))
        #expect(outcome.errors.contains("hint: keep the change with 'dvc commit'"))
        #expect(try box.text("repo/models/m[1].bin") == "mine\n")
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `files of DVC 2, imports, and outputs that Git has`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        try box.write("[core]\n", to: "repo/.dvc/config")
        try box.write("/cache\n", to: "repo/.dvc/.gitignore")
        // The line ends of texts do not count in the hash of DVC 2.
        let text = Array(String(repeating: "a,b\r\n", count: 300_000).utf8)
        let hash = md5(Array(String(repeating: "a,b\n", count: 300_000).utf8))
        try store(box, text, in: "repo/.dvc/cache", as: hash, legacy: true)
        try box.write("wdir: ..\nouts:\n- md5: \(hash)\n  path: sub/t.csv\n", to: "repo/sub/t.csv.dvc")
        let source = try store(box, Array("data\n".utf8), in: "repo/.dvc/cache")
        try box.write(
            "md5: \(source)\nfrozen: true\ndeps:\n- path: https://example.com/d\nouts:\n- md5: \(source)\n  hash: md5\n  path: d\n",
            to: "repo/d.dvc")
        try box.write("outs:\n- md5: \(source)\n  path: plain\n  hash: md5\n  cache: false\n", to: "repo/plain.dvc")
        try box.write(
            "outs:\n- md5: \(source)\n  hash: md5\n  path: .git/hooks/post-commit\n- md5: \(source)\n  hash: md5\n  path: ../evil\n",
            to: "repo/evil.dvc")
        try box.write("data\n", to: "repo/plain")
        try box.run("git add -A && git commit -q -m dvc", in: "repo")
        let outcome = try box.run("git mldata migrate dvc --commit", in: "repo")
        #expect(outcome.output == "Took over 2 files, 1.4 MiB\nRemoved sub/t.csv.dvc\nCommitted.\n")
        #expect(outcome.errors.contains("note: 'd.dvc' stays: it says where the data came from\n"))
        #expect(outcome.errors.contains("note: 'plain' of 'plain.dvc' left as it is: Git has it (cache: false)\n"))
        #expect(
            outcome.errors.contains("note: '../evil' of 'evil.dvc' left as it is: it is outside of this repository\n"))
        #expect(try box.read("repo/sub/t.csv") == text)
        #expect(!box.exists("evil"))
        #expect(try !box.text("repo/.git/hooks/post-commit").hasPrefix("data"))
        #expect(
            try box.run("git status --porcelain && git mldata ls --name-only", in: "repo").output == "d\nsub/t.csv\n")
        #expect(try box.run("git mldata migrate dvc -q", in: "repo").output.hasPrefix("Nothing to migrate"))
    }

    @Test func `a manifest that would write elsewhere is refused`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        try box.write("[core]\n", to: "repo/.dvc/config")
        let content = try store(box, Array("x\n".utf8), in: "repo/.dvc/cache")
        for path in ["../evil", "/tmp/evil", "a/../../evil", ".git/config"] {
            let list = Array("[{\"md5\": \"\(content)\", \"relpath\": \"\(path)\"}]".utf8)
            try store(box, list, in: "repo/.dvc/cache", as: md5(list) + ".dir")
            try box.write("outs:\n- md5: \(md5(list)).dir\n  hash: md5\n  path: d\n", to: "repo/d.dvc")
            let outcome = try box.attempt("git mldata migrate dvc", in: "repo")
            #expect(
                outcome.status == 128 && outcome.errors.contains("which is outside of its folder"),
                "\(path): \(outcome.errors)")
        }
        try box.write("no outs\n", to: "repo/d.dvc")
        #expect(try box.attempt("git mldata migrate dvc", in: "repo").errors.contains("'d.dvc' has no 'outs'"))
        try box.write("outs: [\n", to: "repo/d.dvc")
        #expect(try box.attempt("git mldata migrate dvc", in: "repo").errors.contains("'d.dvc' is not valid YAML"))
        #expect(
            try box.attempt("rm -rf .dvc d.dvc && git mldata migrate dvc", in: "repo").errors.contains(
                "DVC is not set up"))
    }

    @Test(arguments: (0..<8).map { 0.02 + 0.015 * Double($0) }) func `a killed run can be repeated`(after: Double)
        throws
    {
        let box = try Sandbox()
        try makeRepository(box)
        try box.run("git mldata install -q", in: "repo")
        _ = try box.attempt("timeout -s KILL \(after) git mldata migrate dvc; sleep 0.2; rm -f .git/*.lock", in: "repo")
        try box.run("git mldata migrate dvc && rm -rf .dvc/cache", in: "repo")
        try checkMigrated(box)
    }

    @Test func `a project made by DVC itself goes over`() throws {
        let box = try Sandbox()
        guard try box.attempt("dvc --version").status == 0 else {
            print("skipped: dvc is not installed")
            return
        }
        try box.run(
            "git init -q repo && cd repo && dvc init -q && dvc config core.analytics false && dvc config cache.type symlink"
        )
        for number in 0..<5 {
            try box.write(
                randomBytes(1000 + number, seed: UInt64(number)), to: "repo/images/\(number % 2)/i\(number).png")
        }
        try box.write(model, to: "repo/models/m.bin")
        try box.run(
            "cp -r images ../images && dvc add -q images models/m.bin && dvc stage add -q -n s -o made 'cp models/m.bin made' && dvc repro -q && git add -A && git commit -q -m dvc",
            in: "repo")
        let outcome = try box.run("git mldata migrate dvc --commit", in: "repo")
        #expect(outcome.output.hasPrefix("Took over 7 files, "))
        #expect(
            try box.run(
                "diff -r images ../images && cmp made models/m.bin && find images models made -type l && git status --porcelain",
                in: "repo"
            ).output == "")
        #expect(try box.run("git mldata ls --name-only | wc -l", in: "repo").output.trimmed == "7")
    }
}
