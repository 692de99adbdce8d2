import Base
import Glibc
import Pipelines
import Testing

struct ParallelTests {
    /// Each of two stages waits for a file of the other, so only both at once can end.
    static let meeting = """
        stages:
          a:
            cmd: touch here-a; for i in $(seq 500); do [ -e here-b ] && break; sleep 0.02; done; test -e here-b && echo a > a.txt
            outs: [a.txt]
          b:
            cmd: touch here-b; for i in $(seq 500); do [ -e here-a ] && break; sleep 0.02; done; test -e here-a && echo b > b.txt
            outs: [b.txt]
          c:
            cmd: cat a.txt b.txt > c.txt
            deps: [a.txt, b.txt]
            outs: [c.txt]

        """

    @Test func `Stages that do not need each other run at once, and their reader after both`() throws {
        let bench = try Bench(ParallelTests.meeting)
        let words = try bench.repro { $0.jobs = 2 }
        #expect(words.sorted() == ["run a", "run b", "run c"] && words.last == "run c")
        #expect(try bench.tree.read("c.txt") == "a\nb\n")
        #expect(try bench.repro { $0.jobs = 2 }.sorted() == ["skip a", "skip b", "skip c"])
    }

    @Test func `Processors a stage asks for are not given to another`() throws {
        let text = """
            stages:
              a: &s
                cmd: mkdir busy && sleep 0.2 && rmdir busy && touch a.txt
                outs: [a.txt]
                meta: {mlrun: {resources: {cpus: 2}}}
              b:
                cmd: mkdir busy && sleep 0.2 && rmdir busy && touch b.txt
                outs: [b.txt]
                meta: {mlrun: {resources: {cpus: 2}}}

            """
        #expect(try Bench(text).repro { $0.jobs = 3 } == ["run a", "run b"])
    }

    @Test func `A failed stage is tried again as often as it says`() throws {
        let text = """
            stages:
              a:
                cmd: echo x >> tries; [ $(wc -l < tries) -ge 3 ] && touch a.txt
                outs: [a.txt]
                meta: {mlrun: {retries: 2}}

            """
        let words = try Bench(text).repro()
        #expect(words.count == 3 && words.last == "run a" && words[0].hasPrefix("warn a:"))
    }

    @Test func `A stage that takes too long is stopped`() throws {
        let bench = try Bench("stages:\n  a:\n    cmd: sleep 60\n    meta: {mlrun: {timeout: 0.2}}\n")
        #expect(message { try bench.repro() }?.contains("took longer than its timeout of 0.2 s") == true)
    }

    @Test func `A gate that is not met fails the stage each time, and keeps what comes after it from running`() throws {
        let text = """
            stages:
              a:
                cmd: 'echo "{\\"acc\\": 0.5}" > m.json'
                metrics: [m.json]
                meta: {mlrun: {gates: [{metric: acc, min: 0.6}]}}
              b:
                cmd: cp m.json b.txt
                deps: [m.json]
                outs: [b.txt]

            """
        let bench = try Bench(text)
        #expect(try bench.repro { $0.keepGoing = true } == ["run a", "fail a", "blocked b by a"])
        #expect(try bench.repro { $0.keepGoing = true } == ["skip a", "fail a", "blocked b by a"])
    }

    @Test func `A seed and the files a stage uses are inputs`() throws {
        func text(_ seed: Int) -> String {
            "stages:\n  a:\n    cmd: echo $MLRUN_SEED > a.txt\n    outs: [a.txt]\n"
                + "    meta: {mlrun: {seed: \(seed), uses: ['python:req.txt']}}\n"
        }
        let bench = try Bench(text(1), files: ["req.txt": "numpy\n"])
        #expect(try bench.repro() == ["run a"])
        #expect(try bench.tree.read("a.txt") == "1\n")
        #expect(try bench.repro() == ["skip a"])
        try bench.tree.write("dvc.yaml", text(2))
        #expect(try bench.repro() == ["run a"])
        try bench.tree.write("req.txt", "torch\n")
        #expect(try bench.repro() == ["run a"])
    }

    @Test func `Another process that runs the same stage is waited for`() throws {
        let bench = try Bench("stages:\n  a:\n    cmd: touch a.txt\n    outs: [a.txt]\n")
        let folder = bench.tree.root + "/locks"
        var lock = try StageLock.take("a", in: folder)
        #expect(try lock != nil && StageLock.take("a", in: folder) == nil)
        #expect(try StageLock.take("b", in: folder) != nil)
        lock = nil
        #expect(try bench.repro { $0.lockFolder = folder } == ["run a"])
    }

    @Test func `Stages are added, frozen and thawed without touching the rest of the file`() throws {
        let old = "# mine\nstages:\n  a:\n    cmd: x  # why\n\n# end\nparams: [p.yaml]\n"
        var draft = StageDraft(name: "b", command: "run: it")
        draft.outputs = [Output(path: "o", isCached: false)]
        let added = try PipelineEdit.add(draft, to: old, name: "dvc.yaml", replacing: false)
        #expect(
            added == "# mine\nstages:\n  a:\n    cmd: x  # why\n  b:\n    cmd: 'run: it'\n    outs:\n    - o:\n"
                + "        cache: false\n\n# end\nparams: [p.yaml]\n")
        let frozen = try PipelineEdit.setFrozen(true, stage: "a", in: added, name: "dvc.yaml")
        #expect(frozen.contains("cmd: x  # why\n    frozen: true\n  b:"))
        #expect(try PipelineEdit.setFrozen(false, stage: "a", in: frozen, name: "dvc.yaml") == added)
    }
}
