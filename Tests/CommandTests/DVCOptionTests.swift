import Base
import TestSupport
import Testing

/// Options and words that people who know DVC type, through real git.
@Suite struct DVCOptionTests {
    @Test func `experiments are chosen, kept and dropped by DVC's options`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.run("git mlrun exp run -q -S lr=0.2 -n first -m 'a try'", in: "repo")
        #expect(try box.run("git log -1 --format=%s refs/mlrun/exps/first", in: "repo").output == "a try\n")
        try box.run("git commit -q --allow-empty -m two && git mlrun exp run -q --params lr=0.3 -n second", in: "repo")
        // Of the same second they are sorted by name.
        func list(_ options: String) throws -> String {
            try box.run("git mlrun exp list --name-only \(options) | sort", in: "repo").output
        }
        #expect(try list("") == "first\nsecond\n")
        #expect(try list("-n 1") == "second\n")
        #expect(try list("--rev HEAD~1") == "first\n")
        #expect(try list("-n -1") == "first\nsecond\n")
        let head = "git mlrun exp show --csv --hide-workspace --no-pager"
        let all = try box.run("\(head)", in: "repo").output.split(separator: "\n")
        #expect(all[0] == "Experiment,rev,typ,Created,parent,accuracy,lr,depth,train.sh")
        #expect(all.count == 5)
        let few = try box.run(
            "\(head) -n 1 --only-changed --drop 'acc.*' --keep depth --sort-by lr", in: "repo"
        ).output.split(separator: "\n")
        #expect(few[0] == "Experiment,rev,typ,Created,parent,lr,depth" && few.count == 3)
        let json = try JSON(parsing: try box.run("git mlrun exp show --json", in: "repo").output)
        let data = json.arrayValue?.first?["data"]
        #expect(data?["deps"]?["train.sh"]?["size"]?.intValue == ExperimentTests.script.utf8.count)
        #expect(data?["outs"]?["data/model"]?["use_cache"] == true)
        let plan = try box.run("git mlrun exp run --dry -S lr=0.5", in: "repo").output
        #expect(plan.contains("Running stage 'train': changed param 'params.yaml:lr': modified"))
        #expect(try list("") == "first\nsecond\n")
    }

    @Test func `experiments of a Git remote are listed, renamed and removed`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.run(
            "git push -q origin HEAD && git mlrun exp run -q -S lr=0.2 -n a && git mlrun exp run -q -S lr=0.3 -n b",
            in: "repo")
        try box.run("git mlrun exp push -q origin -n 1 && git mlrun exp remove -q --all", in: "repo")
        let list = "git mlrun exp list origin --name-only"
        #expect(try box.run(list, in: "repo").output == "a\nb\n")
        try box.run("git mlrun exp rename -q -g origin a c", in: "repo")
        #expect(try box.run(list, in: "repo").output == "b\nc\n")
        #expect(try box.attempt("git mlrun exp remove -g origin a", in: "repo").status == 128)
        try box.run(
            "git clone -q \"$(git -C repo remote get-url origin)\" other && cd other && git mldata install -q && git mlrun exp pull -q origin -A"
        )
        #expect(try box.run("git mlrun exp list --name-only", in: "other").output.split(separator: "\n").count == 2)
        try box.run("git mlrun exp remove -q --keep b", in: "other")
        #expect(try box.run("git mlrun exp list --name-only", in: "other").output == "b\n")
        try box.run("git mlrun exp remove -q -g origin c", in: "repo")
        #expect(try box.run(list, in: "repo").output == "b\n")
    }

    @Test func `untracked files go along, and a queued experiment remembers them`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("stages:\n  s:\n    cmd: cat extra/f > o\n    outs: [o]\n    params: [p]\n", to: "repo/dvc.yaml")
        try box.write("p: 1\n", to: "repo/params.yaml")
        try box.write("here\n", to: "repo/extra/f")
        try box.run("git add dvc.yaml params.yaml && git commit -q -m one", in: "repo")
        #expect(try box.attempt("git mlrun exp run -q -n bare", in: "repo").status == 128)
        try box.run(
            "git mlrun exp run -q -S p=2 --copy-paths extra -n q --queue && git mlrun exp run -q --run-all", in: "repo")
        #expect(try box.run("git show refs/mlrun/exps/q:o | git mldata smudge", in: "repo").output == "here\n")
        #expect(
            try box.attempt("git mlrun exp run --copy-paths nothing", in: "repo").errors.contains(
                "'nothing' does not exist"))
    }

    @Test func `a stage that never ran is told as DVC tells it, from where the user stands`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            "stages:\n  s:\n    cmd: cp ../a b\n    deps: [../a, gone]\n    params: [../params.yaml: [p]]\n    outs: [b]\n",
            to: "repo/sub/dvc.yaml")
        try box.write("stages:\n  t:\n    cmd: cat sub/b > c\n    deps: [sub/b]\n    outs: [c]\n", to: "repo/dvc.yaml")
        try box.write("p: 1\n", to: "repo/params.yaml")
        try box.write("a\n", to: "repo/a")
        let status = try box.run("git mlrun status", in: "repo/sub").output
        #expect(
            status == """
                s:
                \tchanged deps:
                \t\tmodified:           ../a
                \t\tdeleted:            gone
                \t\tnew:                ../params.yaml
                \tchanged outs:
                \t\tdeleted:            b
                ../dvc.yaml:t:
                \tchanged deps:
                \t\tdeleted:            b
                \tchanged outs:
                \t\tdeleted:            ../c

                """)
        #expect(try box.attempt("git mlrun status -q", in: "repo/sub").status == 1)
        #expect(try box.run("git mlrun dag --dot t", in: "repo").output.contains("\"sub/dvc.yaml:s\" -> \"t\";"))
        #expect(
            try box.run("git mlrun dag --dot ../dvc.yaml:t", in: "repo/sub").output.contains(
                "\"s\" -> \"../dvc.yaml:t\";"))
        #expect(try box.run("git mlrun dag --outs --dot c", in: "repo").output.contains("\"sub/b\" -> \"c\";"))
        #expect(try box.run("git mlrun metrics show --json", in: "repo").output == "{\"\": {}}\n")
    }

    @Test func `what .dvcignore names does not count in a folder`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("stages:\n  s:\n    cmd: cat d/a > o\n    deps: [d]\n    outs: [o]\n", to: "repo/dvc.yaml")
        // Written by DVC 3.67.1.
        try box.write(
            """
            schema: '2.0'
            stages:
              s:
                cmd: cat d/a > o
                deps:
                - path: d
                  hash: md5
                  md5: 118f8f78568aefa1801c65dd48ca7b4f.dir
                  size: 4
                  nfiles: 2
                outs:
                - path: o
                  hash: md5
                  md5: b026324c6904b2a9cb4b88d6d61c81d1
                  size: 2

            """, to: "repo/dvc.lock")
        try box.write("# tests\n*.tmp\n!keep.tmp\ncache/\n", to: "repo/.dvcignore")
        try box.write("1\n", to: "repo/d/a")
        try box.write("2\n", to: "repo/d/sub/b.tmp")
        try box.write("3\n", to: "repo/d/keep.tmp")
        try box.write("4\n", to: "repo/d/cache/x")
        try box.write("1\n", to: "repo/o")
        #expect(try box.run("git mlrun repro", in: "repo").output.contains("Stage 's' didn't change, skipping"))
        try box.run("git add -A && git commit -q -m one", in: "repo")
        try box.write("more\n", to: "repo/d/sub/b.tmp")
        #expect(try box.run("git mlrun status", in: "repo").output == "Data and pipelines are up to date.\n")
        try box.write("more\n", to: "repo/d/keep.tmp")
        #expect(try box.run("git mlrun repro --dry", in: "repo").output.contains("changed dep 'd': modified"))
        #expect(try box.run("git mlrun show", in: "repo").output.contains("s"))
    }

    @Test func `recording knows the committer, a dirty tree and where it stands`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("1\n", to: "repo/f/a")
        try box.run("git add -A && git commit -q -m one", in: "repo")
        func dirty() throws -> Bool? {
            try box.run("git mlrun record -q m=1", in: "repo/f")
            let path = try box.run("git ls-tree -r --name-only refs/mlrun/records attached", in: "repo").output
                .split(separator: "\n")[0]
            let lines = try box.run("git cat-file blob refs/mlrun/records:\(path)", in: "repo").output
            return lines.split(separator: "\n").last.flatMap { try? JSON(parsing: String($0)) }?["dirty"]?.boolValue
        }
        #expect(try dirty() != true)
        try box.write("2\n", to: "repo/f/a")
        #expect(try dirty() == true)
        try box.run("git checkout -q f/a && GIT_COMMITTER_NAME='Some One' git mlrun record -q m=2", in: "repo")
        #expect(try box.run("git log -1 --format=%cn refs/mlrun/records", in: "repo").output == "Some One\n")
        #expect(try box.run("git reflog show refs/mlrun/records | wc -l", in: "repo").output.contains("3"))
        #expect(
            try box.run("git pack-refs --all && git mlrun record -q m=3 && git mlrun log --csv", in: "repo").output
                .contains(",3"))
    }
}
