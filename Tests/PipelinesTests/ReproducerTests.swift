import Base
import Glibc
import Pipelines
import Testing

/// Tests that start processes. One of them sends this process a signal, which stops every stage that runs just then.
@Suite(.serialized) struct ProcessTests {}

extension ProcessTests {
    struct ReproducerTests {
        static let chain = """
            stages:
              eval:
                cmd: "echo score: 0.5 > m.yaml; echo size: $(wc -c < model) >> m.yaml"
                deps: [model]
                metrics:
                - m.yaml:
                    cache: false
              train:
                cmd: tr a-z A-Z < prep/data > model
                deps: [prep]
                outs: [model]
              prep:
                cmd: mkdir prep && grep -v '^#' raw > prep/data
                deps: [raw]
                outs: [prep]
            """

        @Test func `A pipeline runs in order, then not at all`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "# x\nabc\n"])
            #expect(try bench.repro() == ["run prep", "run train", "run eval"])
            #expect(try bench.tree.read("model") == "ABC\n")
            #expect(try bench.repro() == ["skip prep", "skip train", "skip eval"])
            #expect(try bench.reproducer().run { _ in }.isUpToDate)
            let record = try #require(bench.records.all.last)
            #expect(record.metrics == ["m.yaml": ["score": 0.5, "size": 4]])
            #expect(record.dependencies == [RunRecord.File(path: "model", id: ObjectID.of("ABC\n"), size: 4)])
            #expect(record.outputs.map(\.kind) == [.metric])
            #expect(record.duration > 0 && record.peakMemory > 100_000 && record.exitStatus == 0)
        }

        @Test func `Same bytes from upstream stop the work`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "# x\nabc\n"])
            try bench.repro()
            try bench.tree.write("raw", "# another comment\nabc\n")
            #expect(
                try bench.plan() == [
                    "prep: run [changed dep 'raw': modified]", "train: may run [upstream 'prep' runs]",
                    "eval: may run [upstream 'train' runs]",
                ])
            #expect(try bench.repro() == ["run prep", "skip train", "skip eval"])
        }

        @Test func `Forcing downstream runs what would be skipped`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "# x\nabc\n"])
            try bench.repro()
            try bench.tree.write("raw", "# another comment\nabc\n")
            #expect(try bench.repro { $0.forceDownstream = true } == ["run prep", "run train", "run eval"])
        }

        @Test func `Going back to earlier input restores instead of running`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "abc\n"])
            try bench.repro()
            try bench.tree.write("raw", "xyz\n")
            #expect(try bench.repro() == ["run prep", "run train", "run eval"])
            try bench.tree.write("raw", "abc\n")
            let plan = try bench.plan()
            #expect(plan.map { $0.prefix { $0 != "[" } } == ["prep: cached ", "train: cached ", "eval: unchanged"])
            #expect(try bench.repro() == ["restore prep", "restore train", "skip eval"])
            #expect(try bench.tree.read("model") == "ABC\n")
            #expect(try bench.tree.read("prep/data") == "abc\n")
            #expect(try bench.repro() == ["skip prep", "skip train", "skip eval"])
        }

        @Test func `Targets, single items and downstream`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "abc\n"])
            #expect(try bench.repro { $0.targets = ["train"] } == ["run prep", "run train"])
            #expect(try bench.repro { $0.targets = ["m.yaml"] } == ["skip prep", "skip train", "run eval"])
            #expect(try bench.repro { ($0.targets, $0.singleItem) = (["train"], true) } == ["skip train"])
            #expect(try bench.repro { ($0.targets, $0.downstream) = (["train"], true) } == ["skip train", "skip eval"])
            #expect(
                try bench.repro { ($0.targets, $0.pipeline) = (["prep"], true) } == [
                    "skip prep", "skip train", "skip eval",
                ])
            #expect(try bench.repro { ($0.targets, $0.isGlob) = (["*t*"], true) } == ["skip prep", "skip train"])
        }

        @Test func `A stage that fails leaves no record, and its old outputs are gone`() throws {
            let bench = try Bench(ReproducerTests.chain, files: ["raw": "abc\n"])
            try bench.repro()
            try bench.tree.write("raw", "# nothing left\n")
            #expect(
                message { try bench.repro() }
                    == "stage 'prep': the command 'mkdir prep && grep -v '^#' raw > prep/data' failed (exit 1)")
            #expect(bench.records.all.count == 3)
            // `mkdir` came before the failure; what the earlier run had made is not there any more.
            #expect(try bench.tree.read("prep/data") == "")
            #expect(bench.tree.exists("model"))
        }

        @Test func `Keep going skips what needs the failed stage, ignoring errors does not`() throws {
            let text = """
                stages:
                  bad: {cmd: exit 3, outs: [b]}
                  after: {cmd: cp b c, deps: [b], outs: [c]}
                  last: {cmd: cp c d, deps: [c], outs: [d]}
                  good: {cmd: echo g > g, outs: [g]}
                """
            #expect(
                try Bench(text).repro { $0.keepGoing = true } == [
                    "fail bad", "blocked after by bad", "blocked last by bad", "run good",
                ])
            #expect(
                try Bench(text).repro { $0.ignoreErrors = true } == ["fail bad", "fail after", "fail last", "run good"])
            #expect(message { _ = try Bench(text).repro() } == "stage 'bad': the command 'exit 3' failed (exit 3)")
        }

        @Test func `An output that was not made is named`() throws {
            let bench = try Bench("stages:\n  a:\n    cmd: touch x\n    outs: [x, y]\n")
            #expect(message { try bench.repro() } == "stage 'a' did not make its output 'y'")
            #expect(bench.records.all.isEmpty)
        }

        @Test func `A dependency that does not exist is named`() throws {
            let bench = try Bench("stages:\n  a:\n    cmd: touch x\n    deps: [nope]\n    outs: [x]\n")
            #expect(message { try bench.repro() } == "stage 'a' needs 'nope', which does not exist")
        }

        @Test func `Commands see the stage's name, its folder, and outputs that persist`() throws {
            let text = """
                stages:
                  a:
                    wdir: sub
                    cmd:
                    - echo $MLRUN_STAGE $DVC_STAGE $MLRUN_ROOT $DVC_ROOT > new/deep/env
                    - X=1; pwd >> log; cat /dev/stdin
                    - echo "x=$X" >> log
                    outs:
                    - new/deep/env
                    - log:
                        persist: true
                """
            let bench = try Bench(text, files: ["sub/log": "old\n"])
            try bench.repro()
            let root = bench.tree.root
            #expect(try bench.tree.read("sub/new/deep/env") == "a a \(root) \(root)\n")
            #expect(try bench.tree.read("sub/log") == "old\n\(root)/sub\nx=\n")
        }

        @Test func `Output of commands is told in order and kept up to a limit`() throws {
            let bench = try Bench(
                "stages:\n  a:\n    cmd: echo out; echo err >&2; seq 1 100000\n    outs: []\n    always_changed: true\n"
            )
            var told: [UInt8] = []
            _ = try bench.reproducer().run { event in
                if case .output(_, let bytes) = event { told += bytes }
            }
            #expect(String(decoding: told.prefix(10), as: UTF8.self) == "out\nerr\n1\n")
            #expect(told.count == 8 + 588_895)
            #expect(bench.records.logs == [told])
            let runner = StageRunner(root: bench.tree.root, environment: bench.environment, logLimit: 10)
            let outcome = try runner.run(Stage(name: "a", commands: ["seq 1 1000"])) { _ in }
            #expect(outcome.log.count == 10)
        }

        @Test func `Outputs behind a symbolic link are not touched`() throws {
            let bench = try Bench("stages:\n  a:\n    cmd: 'true'\n    outs: [link/x]\n")
            let outside = try TemporaryTree()
            try outside.write("x", "precious")
            symlink(outside.root, bench.tree.root + "/link")
            #expect(
                message { try bench.repro() } == "the output 'link/x' of stage 'a' lies behind the symbolic link 'link'"
            )
            #expect(try outside.read("x") == "precious")
        }

        @Test func `A run whose input changes under it is not recorded`() throws {
            let bench = try Bench(
                "stages:\n  a:\n    cmd: echo more >> in; echo x > out\n    deps: [in]\n    outs: [out]\n",
                files: ["in": "1\n"])
            #expect(
                try bench.repro() == ["warn a: 'in' changed while the stage ran, so the run is not recorded", "run a"])
            #expect(bench.records.all.isEmpty)
        }

        @Test func `A background process does not hold the stage up`() throws {
            let bench = try Bench("stages:\n  a:\n    cmd: sleep 30 & echo $! > pid\n    outs: [pid]\n")
            let start = monotonicSeconds()
            try bench.repro()
            #expect(monotonicSeconds() - start < 25)
            let pid = try #require(Int32(try bench.tree.read("pid").trimmed))
            kill(pid, SIGKILL)
        }

        @Test func `Usage is that of the command and its children`() throws {
            let process = MeasuredProcess(
                ["/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 7"], directory: "/",
                environment: [])
            let outcome = try process.run { _ in }
            #expect(outcome.status == 7)
            #expect(outcome.processorTime > 0.01 && outcome.processorTime < outcome.duration * 1.5 + 0.1)
            #expect(outcome.interruption == nil)
            #expect(throws: MLError.self) {
                try MeasuredProcess(["/no/such/program"], directory: "/", environment: []).run { _ in }
            }
        }

        @Test func `Pointers are filled before a command reads them`() throws {
            let bench = try Bench("stages:\n  a: {cmd: cp in out, deps: [in], outs: [out]}\n")
            let id = bench.records.put(Array("content".utf8))
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(id.hex)\nsize 7\n"
            try bench.tree.write("in", pointer)
            #expect(try bench.repro() == ["run a"])
            #expect(try bench.tree.read("out") == "content")
            #expect(bench.records.all[0].dependencies == [.init(path: "in", id: id, size: 7)])
            try bench.tree.write("in", pointer)
            try bench.tree.write("out", pointer)
            #expect(try bench.repro() == ["skip a"])
        }

        @Test func `What cannot be restored after all is run`() throws {
            let bench = try Bench("stages:\n  a: {cmd: cp in out, deps: [in], outs: [out]}\n", files: ["in": "1"])
            try bench.repro()
            try bench.tree.remove("out")
            bench.records.isBroken = true
            #expect(
                try bench.repro() == [
                    "warn a: the outputs of an earlier run cannot be restored: 'out' is lost", "run a",
                ])
        }

        @Test func `A dry run does not guess at parts of what will be restored`() throws {
            let bench = try Bench(
                """
                stages:
                  a: {cmd: mkdir d && cp in d/x, deps: [in], outs: [d]}
                  b: {cmd: cp d/x y, deps: [d/x], outs: [y]}
                  c: {cmd: cp -r d z, deps: [d], outs: [z]}
                """, files: ["in": "1"])
            try bench.repro()
            try bench.tree.remove("d")
            #expect(
                try bench.plan() == [
                    "a: cached [missing output 'd']", "b: may run [upstream 'a' is restored]", "c: unchanged",
                ])
            #expect(try bench.repro() == ["restore a", "skip b", "skip c"])
        }

        @Test func `Metrics that a command hands over are recorded`() throws {
            let bench = try Bench("stages:\n  a: {cmd: echo x > out, outs: [out]}\n")
            bench.records.handedOver = [["stale": 1], ["acc": 0.9]]
            try bench.repro()
            #expect(bench.records.all[0].metrics == ["": ["acc": 0.9]])
        }

        @Test func `An executable output is recorded as one`() throws {
            let bench = try Bench("stages:\n  a: {cmd: 'echo x > out; chmod +x out', outs: [out]}\n")
            try bench.repro()
            let record = bench.records.all[0]
            #expect(record.outputs[0].mode == .executable)
            #expect(try RunRecord(line: record.line) == record)
        }

        @Test("A signal ends the stage and its children", arguments: [SIGINT, SIGTERM])
        func interruption(_ number: Int32) throws {
            let bench = try Bench(
                """
                stages:
                  a:
                    cmd: touch out; (sleep 60; touch late) & echo $! > child; sleep 0.1; kill -\(number) $PPID; sleep 60; touch late
                    outs: [out]
                  b: {cmd: touch b, outs: [b]}
                """)
            let start = monotonicSeconds()
            var error: MLError?
            do { try bench.repro { $0.keepGoing = true } } catch let found as MLError { error = found }
            #expect(error?.message == "stage 'a' was stopped by \(number == SIGINT ? "SIGINT" : "SIGTERM")")
            #expect((error?.cause as? StageInterruption)?.signal == number)
            #expect(monotonicSeconds() - start < 30)
            #expect(bench.records.all.isEmpty)
            #expect(!bench.tree.exists("b") && !bench.tree.exists("late"))
            let child = try #require(Int32(try bench.tree.read("child").trimmed))
            // Killed: it may take a moment to go, and whoever inherits it may not have collected it yet.
            func isRunning() -> Bool {
                guard let text = try? Files.readText("/proc/\(child)/stat") else { return false }
                let state = text.split(separator: ")").last?.split(separator: " ").first
                return state != "Z" && state != "X"
            }
            let deadline = monotonicSeconds() + 20
            while isRunning() && monotonicSeconds() < deadline { usleep(10_000) }
            #expect(!isRunning())
            #expect(try bench.repro { $0.targets = ["b"] } == ["run b"])
        }

        @Test func `What ignores a signal is killed after a while`() throws {
            let tree = try TemporaryTree()
            let process = MeasuredProcess(
                ["/bin/sh", "-c", "trap '' TERM; kill -TERM $PPID; while :; do sleep 1; done"], directory: tree.root,
                environment: ["PATH=/usr/bin:/bin"], grace: 0.2)
            let outcome = try process.run { _ in }
            #expect(outcome.status == 128 + SIGKILL)
            #expect(outcome.interruption == SIGTERM)
        }
    }
}

extension String {
    var trimmed: String { String(filter { !$0.isWhitespace }) }
}
